// What is added to elements that the server sent: ages, and what is of use only with scripts.
const UNITS = [["year", 31557600], ["month", 2629800], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
const WORDS = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export function age(time, now) {
  const seconds = (time - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) return WORDS.format(Math.trunc(seconds / length), unit);
  }
  return "just now";
}

export function tellAges(root) {
  const now = Date.now();
  for (const time of root.querySelectorAll(".card time")) {
    const text = age(Date.parse(time.dateTime), now);
    const place = time.previousElementSibling;
    if (place.textContent !== text) place.textContent = text;
  }
}

export function decorate(root) {
  tellAges(root);
  for (const time of root.querySelectorAll(".card time:not([title])")) time.title = LOCAL.format(Date.parse(time.dateTime));
  for (const curl of root.querySelectorAll("[data-curl]")) {
    const text = curl.textContent.replace(/\S+$/, new URL("publish", location.href).href);
    if (curl.textContent !== text) curl.textContent = text;
  }
  for (const scripted of root.querySelectorAll(".copy[hidden], [data-scripted][hidden]")) scripted.hidden = false;
}
