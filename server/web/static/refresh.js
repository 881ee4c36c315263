// Keeps the page true: asks for it every two seconds while somebody looks, and changes only what has changed.
import { morphChildren } from "./morph.js";

const EVERY = 2000;
const PATIENCE = 15000;

export class Refresh {
  constructor(document, changed) {
    this.document = document;
    this.changed = changed;
    this.etag = null;
    this.timer = null;
    this.running = null;
    this.seen = new Date();
    this.account = account(document);
    this.banner = document.querySelector("#banner");
  }

  start() {
    this.document.addEventListener("visibilitychange", () => {
      if (!this.document.hidden) this.now();
    });
    this.plan();
  }

  // Ask at once. A look that is under way may have begun before the change: another one follows it.
  async now() {
    while (this.running) await this.running;
    clearTimeout(this.timer);
    this.running = this.look();
    await this.running;
    this.running = null;
    this.plan();
  }

  plan() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.document.hidden) this.plan();
      else if (!this.running) this.now();
    }, EVERY);
  }

  async look() {
    try {
      const headers = { Accept: "text/html", ...(this.etag && { "If-None-Match": this.etag }) };
      const response = await fetch("./", { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (response.status !== 304) {
        if (!response.ok) return this.say(`The server has a fault (status ${response.status}).`);
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        if (!page.querySelector("#cards")) return this.say("The server's answer is not this page.");
        this.etag = response.headers.get("ETag");
        this.take(page);
      }
      this.seen = new Date();
      this.say("");
    } catch {
      this.say("The server does not answer.");
    }
  }

  say(trouble) {
    const time = this.seen.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    let text = trouble && `${trouble} This page shows what was true at ${time} and keeps trying.`;
    const now = account(this.document);
    if (!text && this.account !== now) {
      text = `${now ? "Who is logged in here is another one now." : "Nobody is logged in here any more."} Reload this page when it suits you.`;
    }
    if (!text && this.updated) text = "The server was updated. Reload this page when it suits you.";
    if (this.banner.textContent !== text) this.banner.textContent = text;
  }

  take(page) {
    this.updated = page.documentElement.dataset.server !== this.document.documentElement.dataset.server;
    for (const part of page.querySelectorAll("[data-refresh]")) {
      const here = this.document.querySelector(`[data-refresh="${part.dataset.refresh}"]`);
      if (here && !here.isEqualNode(part)) morphChildren(here, part);
    }
    this.changed(summary(this.takeCards(page)));
  }

  takeCards(page) {
    const list = this.document.querySelector("#cards");
    const gone = new Map(Array.from(list.children, (card) => [card.id, card]));
    const news = { added: [], removed: [], changed: [] };
    let place = list.firstElementChild;
    for (const wanted of page.querySelector("#cards").children) {
      const card = gone.get(wanted.id);
      gone.delete(wanted.id);
      if (!card) {
        const fresh = this.document.importNode(wanted, true);
        fresh.classList.add("fresh");
        list.insertBefore(fresh, place);
        news.added.push(wanted.dataset.id);
        continue;
      }
      if (card.dataset.version !== wanted.dataset.version) {
        if (card.dataset.state !== wanted.dataset.state) news.changed.push(`${wanted.dataset.id} is ${wanted.dataset.state}`);
        card.dataset.version = wanted.dataset.version;
        card.dataset.state = wanted.dataset.state;
        morphChildren(card, wanted);
      }
      while (place && gone.has(place.id) && !page.getElementById(place.id)) place = place.nextElementSibling;
      if (card === place) place = place.nextElementSibling;
      else list.insertBefore(card, place);
    }
    for (const card of gone.values()) {
      news.removed.push(card.dataset.id);
      card.remove();
    }
    return news;
  }
}

function account(page) {
  return page.querySelector(".account strong")?.textContent ?? "";
}

function summary({ added, removed, changed }) {
  const say = (names, one, many) => (names.length > 2 ? [`${names.length} releases ${many}`] : names.map((name) => `${name} ${one}`));
  return [...say(added, "is new", "are new"), ...say(removed, "was removed", "were removed"), ...changed.slice(0, 3)].join(", ");
}
