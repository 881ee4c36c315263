// What the server says of the form's files, in the box below the form's buttons.
import { counted, element, humanSize } from "./elements.js";
import { bySeverity, showFindings } from "./findings.js";

const SIGNATURES = { valid: ["valid", "good"], invalid: ["invalid", "bad"], unverified: ["not checked", ""], absent: ["none", "warn"] };
const HOPELESS = new Set(["no-manifest", "no-image"]);

// Whether the errors are such that a person may publish all the same.
export function mayBeForced({ status, findings }) {
  const { errors } = bySeverity(findings);
  return status === 400 && errors.length > 0 && !errors.some(({ code }) => HOPELESS.has(code));
}

export function showPublished(box, release, created) {
  const { errors, warnings } = bySeverity(release.findings);
  const told = [...errors, ...warnings];
  const counts = [...(errors.length ? [counted(errors.length, "error")] : []), ...(warnings.length ? [counted(warnings.length, "warning")] : [])];
  const start = created ? `${release.publish_id} is published` : `${release.publish_id} was there already, with the same bytes`;
  const end = `${release.forced ? " It is marked Forced." : ""}${release.state === "ready" ? "" : ` It is ${release.state}: devices cannot fetch it.`}`;
  const text = `${start}${told.length ? `, with ${counts.join(" and ")}` : ""}.${end}`;
  box.replaceChildren(element("p", errors.length || end ? "warn" : "good", text), ...showFindings(told));
}

export function showChecked(box, { findings, manifest }) {
  const { errors, warnings } = bySeverity(findings);
  const [kind, text] = errors.length
    ? ["", `${counted(errors.length, "error")}: the server would refuse this release.`]
    : warnings.length
      ? ["warn", `${counted(warnings.length, "warning")}. It can be published all the same.`]
      : ["good", "No problems found."];
  box.replaceChildren(element("p", kind, text), ...(manifest ? [summary(manifest)] : []), ...showFindings(findings));
}

function summary({ sequence_number, board, class_id, signature, images = [] }) {
  const [word, kind] = SIGNATURES[signature] ?? [signature, ""];
  const facts = [["Sequence", sequence_number], board ? ["Board", board] : ["Class", class_id], ["Signature", word, kind], ["Slots", images.map(slot).join(", ")]];
  const rows = facts.filter(([, value]) => value != null && value !== "");
  return element("dl", "read", ...rows.map(([name, value, kind]) =>
    element("div", "", element("dt", "", name), element("dd", kind && `fact ${kind}`, String(value)))));
}

function slot({ role, size }) {
  return `${role ?? "another one"}${size == null ? "" : ` (${humanSize(size)})`}`;
}
