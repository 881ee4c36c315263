// What the checks found, as the server's own pages show it: worst first, notes folded.
import { breakable, counted, element } from "./elements.js";
import { loginAddress } from "./server.js";

const WORDS = { error: "Error", warning: "Warning", info: "Note" };

// {errors, warnings, notes}
export function bySeverity(findings) {
  const of = (severity) => findings.filter((finding) => finding.severity === severity);
  return { errors: of("error"), warnings: of("warning"), notes: of("info") };
}

export function showFindings(findings) {
  const { errors, warnings, notes } = bySeverity(findings);
  const shown = errors.length + warnings.length ? [list([...errors, ...warnings])] : [];
  if (notes.length) shown.push(element("details", "notes", element("summary", "", counted(notes.length, "note")), list(notes)));
  return shown;
}

// A server's error: its message without what the findings tell, the findings, and the way to the form where a token is wanted.
export function showError(box, { message, findings = [], status = 0 }) {
  const rest = findings.reduce((text, finding) => text.replace(finding.message, ""), message).trim();
  const { errors } = bySeverity(findings);
  const count = errors.length === 1 ? "an error" : `${errors.length} errors`;
  box.replaceChildren(element("p", "", ...breakable(rest || `The checks found ${count}, so nothing was published.`)), ...showFindings(findings));
  if (status !== 401) return;
  const link = element("a", "", "Log in");
  link.href = loginAddress();
  box.append(element("p", "", link));
}

function list(findings) {
  return element("ul", "findings", ...findings.map(({ severity, code, file, message }) =>
    element("li", severity, element("b", "", WORDS[severity]), " ", ...(file ? [element("span", "of", file), " "] : []),
      element("code", "", code), " ", element("p", "", ...breakable(message)))));
}
