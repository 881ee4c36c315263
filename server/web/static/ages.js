// Times as "3 minutes ago", by the server's clock: a gateway without internet access may have another one than the browser.
import { age } from "./decorate.js";

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

export class Ages {
  constructor(main) {
    this.ahead = Date.now() - Date.parse(main.dataset.now);
  }

  set(time, text) {
    if (time.dateTime === text) return;
    time.dateTime = text;
    this.show(time);
  }

  show(time) {
    const when = Date.parse(time.dateTime);
    const now = Date.now() - this.ahead;
    const text = Number.isNaN(when) ? "" : when > now - 60000 ? "just now" : age(when, now);
    if (time.textContent !== text) time.textContent = text;
    if (time.said !== time.dateTime) {
      time.said = time.dateTime;
      time.title = text && LOCAL.format(when);
    }
  }

  showAll(root) {
    for (const time of root.querySelectorAll("time[datetime]")) this.show(time);
  }
}
