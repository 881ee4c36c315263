// Elements from values; text never becomes markup.
export function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

// With leave to break a long line behind a slash that does not begin a path, as the server writes it.
export function breakable(text) {
  return text.split(/(?<=[^\s=]\/)(?!\/)/).flatMap((part, index) => (index ? [document.createElement("wbr"), part] : [part]));
}

export function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
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
