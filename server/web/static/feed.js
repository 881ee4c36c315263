// What changes with the devices: a stream of events while somebody looks; where there is none, the same by asking again and again.
const EVERY = 2000;
const RETRY = 20000;
const PATIENCE = 15000;

export class Feed {
  // `take(kind, items, whole)` hears of devices and transfers, all of them or what changed, and of forgotten devices' addresses; `say(trouble)` of what stands in the way, "" when all is well.
  constructor(document, take, say) {
    this.document = document;
    this.take = take;
    this.say = say;
    this.source = null;
    this.timer = null;
    this.tried = 0;
    this.etags = {};
    document.addEventListener("visibilitychange", () => (document.hidden ? this.stop() : this.start()));
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", (event) => { if (event.persisted) this.start(); });
  }

  // A hidden page gives its stream back: there are few of them.
  stop() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
    this.timer = null;
  }

  start() {
    if (this.document.hidden || this.source || this.timer) return;
    this.listen();
  }

  listen() {
    this.tried = performance.now();
    const source = new EventSource("api/v1/events");
    this.source = source;
    let whole = true;
    source.onopen = () => {
      whole = true;
      clearTimeout(this.timer);
      this.timer = null;
      this.say("");
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED && this.source === source) this.source = null;
      this.plan(0);
    };
    source.addEventListener("devices", (event) => {
      this.take("devices", JSON.parse(event.data).devices, whole);
      whole = false;
    });
    for (const kind of ["forgotten", "transfers"]) {
      source.addEventListener(kind, (event) => this.take(kind, JSON.parse(event.data)[kind], false));
    }
  }

  plan(delay) {
    if (this.timer === null) this.timer = setTimeout(() => this.poll(), delay);
  }

  async poll() {
    const timer = this.timer;
    try {
      await this.ask("devices");
      await this.ask("transfers");
      this.say("");
    } catch (error) {
      this.say(error.told ?? "The server does not answer.");
    }
    if (this.timer !== timer) return;
    this.timer = null;
    if (!this.source && performance.now() - this.tried > RETRY) this.listen();
    this.plan(EVERY);
  }

  async ask(kind) {
    const headers = { Accept: "application/json", ...(this.etags[kind] && { "If-None-Match": this.etags[kind] }) };
    const response = await fetch(`api/v1/${kind}`, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 304) return;
    if (!response.ok) throw Object.assign(new Error(), { told: `The server has a fault (status ${response.status}).` });
    this.take(kind, (await response.json())[kind], true);
    this.etags[kind] = response.headers.get("ETag");
  }
}
