// Elements from values; text never becomes markup.
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const WORDS = { error: "Error", warning: "Warning", info: "Note" };

export function findingsList(findings) {
  return element("ul", "findings", ...findings.map((finding) =>
    element("li", finding.severity, element("b", "", WORDS[finding.severity] ?? "Note"), " " + finding.message)));
}

// The message of an error that the server gave as JSON, and those of its findings that the message does not tell.
export function showError(box, message, findings = []) {
  const more = findings.filter((finding) => !message.includes(finding.message));
  box.replaceChildren(element("p", "", message), ...(more.length ? [findingsList(more)] : []));
}

export function humanSize(size) {
  if (size < 1000) return size === 1 ? "1 byte" : `${size} bytes`;
  let value = size;
  let unit;
  for (unit of ["kB", "MB", "GB"]) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "")} ${unit}`;
}
