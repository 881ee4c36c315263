// The strip that says why the page may be out of date.
export class Banner {
  constructor(document) {
    this.place = document.querySelector("#banner");
    this.seen = new Date();
  }

  say(trouble) {
    if (!trouble) this.seen = new Date();
    const time = this.seen.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const text = trouble && `${trouble} This page shows what was true at ${time} and keeps trying.`;
    if (this.place.textContent !== text) this.place.textContent = text;
  }
}
