// Makes one element like another by changing only what differs, so that focus, selection, typed text and open
// details stay. Children are matched by their place; what the page's scripts own (data-live, open) is left alone.
export function morph(from, to) {
  if (from.hasAttribute("data-live")) return;
  for (const { name, value } of to.attributes) {
    if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  for (const { name } of Array.from(from.attributes)) {
    if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  morphChildren(from, to);
}

export function morphChildren(from, to) {
  let here = from.firstChild;
  for (const wanted of Array.from(to.childNodes)) {
    if (here && here.nodeName === wanted.nodeName) {
      if (here.nodeType === Node.ELEMENT_NODE) morph(here, wanted);
      else if (here.nodeValue !== wanted.nodeValue) here.nodeValue = wanted.nodeValue;
      here = here.nextSibling;
    } else if (here) {
      const next = here.nextSibling;
      here.replaceWith(document.importNode(wanted, true));
      here = next;
    } else {
      from.append(document.importNode(wanted, true));
    }
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}
