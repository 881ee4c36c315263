// One device's row in the list: made of the server's own markup, and filled in place with what has changed.
import { breakable, humanSize } from "./elements.js";

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
const ORDER = { trouble: 0, moving: 1, confirmed: 2, other: 2 };

// As server/web/device_rows.py decides it.
export function look(update, transfer) {
  const state = update?.state;
  if (!update || (update.over && state !== "failed" && state !== "silent")) {
    if (transfer?.state === "running") return "fetching";
    return update ? (state === "confirmed" ? state : "unproven") : "idle";
  }
  return !update.over && transfer?.state === "stalled" ? "stalled" : state;
}

export function percent({ bytes, size }) {
  return size ? Math.floor((100 * bytes) / size) : 100;
}

export function progress(transfer) {
  const parts = [`${percent(transfer)} %`];
  if (transfer.state === "running") {
    if (transfer.bytes_per_second !== null) parts.push(`${humanSize(Math.round(transfer.bytes_per_second))}/s`);
    if (transfer.eta_seconds !== null) parts.push(`${span(transfer.eta_seconds)} left`);
  }
  return parts.map((part) => part.replaceAll(" ", "\u00a0")).join(" · ");
}

function span(seconds) {
  const [length, word] = UNITS.find(([length]) => seconds >= 2 * length || length === 1);
  return `${Math.max(1, Math.round(seconds / length))} ${word}`;
}

export class DeviceRow {
  constructor(element, looks, ages) {
    this.element = element;
    this.looks = looks;
    this.ages = ages;
    this.address = element.dataset.device;
    this.group = element.dataset.group;
    this.kind = element.dataset.kind;
    this.device = null;
    this.transfer = null;
    this.texts = new Map();
    this.since = 0;
    this.told = null;
  }

  // Where it stands and what the filter looks at: cheap, for it is done at once for every row.
  judge() {
    const { device, transfer } = this;
    const update = device.update;
    const key = look(update, transfer);
    this.look = this.looks[key];
    this.group = this.look.group;
    this.order = ORDER[this.group];
    this.since = this.order === 1 || !update ? 0 : Date.parse(key === "stalled" ? transfer.last_seen : update.since);
    this.title = device.name || device.device;
    this.release = update?.publish_id ?? device.completed ?? "";
    const parts = [this.title, device.device, device.group, device.board ?? "", this.release, this.look.word, update?.reason ?? ""];
    this.told = parts.join(" ").toLowerCase();
  }

  place(selector) {
    let found = this.texts.get(selector);
    if (!found) {
      found = { element: this.element.querySelector(selector), text: null };
      this.texts.set(selector, found);
    }
    return found;
  }

  text(selector, text, breaks = false) {
    const found = this.place(selector);
    if (found.text === text) return;
    if (found.element.textContent !== text) {
      if (breaks) found.element.replaceChildren(...breakable(text));
      else found.element.textContent = text;
    }
    found.text = text;
  }

  // What has changed; a text that is the same is not touched, so that a selection in it stays.
  fill() {
    const { device, transfer, element, look } = this;
    this.text(".title", this.title);
    this.text(".under", device.name ? device.device : "");
    this.text(".release", this.release, true);
    this.text(".board", device.board ?? "");
    this.text(".group", device.group);
    this.text(".word", look.word);
    this.text(".reason", device.update?.reason ?? "");
    this.text(".rate", transfer ? progress(transfer) : "");
    if (this.sign !== look.sign) {
      this.sign = look.sign;
      this.place("use").element.setAttribute("href", `#s-${look.sign}`);
      this.place(".badge").element.className = `badge ${look.kind}`;
      element.dataset.kind = look.kind;
    }
    if (element.dataset.group !== this.group) element.dataset.group = this.group;
    if (element.dataset.kind !== look.kind) {
      element.dataset.kind = look.kind;
      this.place(".badge").element.className = `badge ${look.kind}`;
    }
    const bar = this.place("progress").element;
    if (bar.hidden !== !transfer) bar.hidden = !transfer;
    if (transfer && bar.value !== percent(transfer)) bar.value = percent(transfer);
    const label = `Downloaded by ${this.title}`;
    if (bar.ariaLabel !== label) bar.ariaLabel = label;
    if (device.last_seen) this.ages.set(this.place("time").element, device.last_seen);
  }
}
