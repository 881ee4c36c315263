// The list of the devices: rows in their order, narrowed down by words and state, painted a few milliseconds a frame.
import { counted } from "./elements.js";
import { DeviceRow } from "./device-row.js";
import { say } from "./say.js";

const BUDGET = 8;
const WORDS = new Intl.Collator("en", { numeric: true });

export class DeviceList {
  constructor(document, ages) {
    this.document = document;
    this.ages = ages;
    this.looks = JSON.parse(document.querySelector("main").dataset.looks);
    this.table = document.querySelector("#devices");
    this.body = this.table.tBodies[0];
    this.blank = document.querySelector("#blank").content.querySelector("tr");
    this.rows = new Map(Array.from(this.body.rows, (row) => [row.dataset.device, new DeviceRow(row, this.looks, ages)]));
    this.transfers = new Map();
    this.dirty = new Set();
    this.order = Array.from(this.rows.values());
    this.frame = 0;
    this.complete = false;
    this.painted = () => {};
  }

  take(kind, items, whole) {
    if (kind === "forgotten") this.drop(items);
    if (kind === "devices" && whole) {
      const there = new Set(items.map((device) => device.device));
      this.drop(Array.from(this.rows.keys()).filter((address) => !there.has(address)));
    }
    const changed = kind === "devices" ? this.takeDevices(items) : kind === "transfers" ? this.takeTransfers(items) : [];
    const news = [];
    for (const row of changed) {
      if (!row.device) continue;
      const before = row.group;
      row.judge();
      if (before !== row.group && row.seen && (row.group === "trouble" || row.group === "confirmed")) news.push(row);
      row.seen = true;
      this.dirty.add(row);
    }
    this.arrange();
    this.filter();
    this.frame ||= requestAnimationFrame(() => this.paint());
    if (news.length > 2) say(`${counted(news.length, "device")} changed: ${news.filter((r) => r.group === "trouble").length} need a look`);
    else if (news.length) say(news.map((row) => `${row.title}: ${row.look.word}`).join(", "));
  }

  // Devices that are known no more. Whoever had one's focus is put at the head of the list.
  drop(addresses) {
    const rows = addresses.map((address) => this.rows.get(address)).filter(Boolean);
    if (!rows.length) return;
    for (const row of rows) {
      if (row.element.contains(this.document.activeElement)) this.document.querySelector("#devices-title").focus({ preventScroll: true });
      this.rows.delete(row.address);
      this.transfers.delete(row.address);
      this.dirty.delete(row);
      row.element.remove();
    }
    this.order = this.order.filter((row) => this.rows.get(row.address) === row);
    say(rows.length > 2 ? `${counted(rows.length, "device")} were forgotten` : rows.map((row) => `${row.title ?? row.address} was forgotten`).join(", "));
  }

  takeDevices(devices) {
    const first = !this.complete;
    this.complete = true;
    const changed = devices.map((device) => {
      let row = this.rows.get(device.device);
      if (!row) {
        const element = this.document.importNode(this.blank, true);
        element.dataset.device = device.device;
        element.querySelector(".title").setAttribute("href", `devices/${encodeURIComponent(device.device)}`);
        row = new DeviceRow(element, this.looks, this.ages);
        this.rows.set(device.device, row);
        this.order.push(row);
        this.body.append(element);
      }
      row.device = device;
      return row;
    });
    if (!first) return changed;
    for (const row of this.order) row.transfer = this.transfers.get(row.address) ?? null;
    return changed;
  }

  takeTransfers(transfers) {
    const changed = new Set();
    for (const transfer of transfers) {
      const known = this.transfers.get(transfer.device);
      const going = transfer.state === "running" || transfer.state === "stalled";
      const same = known && known.path === transfer.path && known.started === transfer.started;
      if (going && (same || !known || known.last_seen <= transfer.last_seen)) this.transfers.set(transfer.device, transfer);
      else if (!going && same) this.transfers.delete(transfer.device);
      const row = this.rows.get(transfer.device);
      if (!row) continue;
      row.transfer = this.transfers.get(transfer.device) ?? null;
      changed.add(row);
    }
    return changed;
  }

  // The row with the focus or the selection is not moved: the others go around it, and so nothing is lost.
  arrange() {
    const wanted = this.order.slice().sort((a, b) => a.order - b.order || b.since - a.since || WORDS.compare(a.title, b.title));
    if (wanted.every((row, index) => row === this.order[index])) return;
    this.order = wanted;
    const held = this.held();
    let place = this.body.firstElementChild;
    for (const { element } of wanted) {
      if (element === place) {
        place = place.nextElementSibling;
      } else if (element === held) {
        while (place !== held) {
          const next = place.nextElementSibling;
          this.body.append(place);
          place = next;
        }
        place = held.nextElementSibling;
      } else if (place !== held && place?.nextElementSibling === element) {
        const late = place;
        place = element.nextElementSibling;
        this.body.append(late);
      } else {
        this.body.insertBefore(element, place);
      }
    }
  }

  held() {
    const { activeElement } = this.document;
    const selection = this.document.getSelection();
    const node = this.body.contains(activeElement) ? activeElement : selection.isCollapsed ? null : selection.anchorNode;
    const element = node instanceof Element ? node : node?.parentElement;
    const row = element?.closest("tr.device") ?? null;
    return row && this.body.contains(row) ? row : null;
  }

  filter() {
    const { words, group } = this.chosen;
    const counts = { "": 0, trouble: 0, moving: 0, confirmed: 0, other: 0 };
    let shown = 0;
    for (const row of this.order) {
      counts[""] += 1;
      counts[row.group] += 1;
      const told = row.told ?? row.element.textContent.toLowerCase();
      const fits = (!group || row.group === group) && words.every((word) => told.includes(word));
      if (row.fits !== fits) {
        row.fits = fits;
        row.element.hidden = !fits;
      }
      shown += fits;
    }
    return this.counted(counts, shown);
  }

  paint() {
    const end = performance.now() + BUDGET;
    this.frame = 0;
    // What is seen first comes first.
    for (const row of this.dirty.size < 50 ? this.dirty : this.order) {
      if (!this.dirty.delete(row)) continue;
      row.fill();
      if (performance.now() > end) break;
    }
    if (this.dirty.size) this.frame = requestAnimationFrame(() => this.paint());
    else this.painted();
  }
}
