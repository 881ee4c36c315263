// What goes on with many devices at once: looked at again and again, paused, resumed and ended in place.
import { counted } from "./elements.js";
import { showError } from "./findings.js";
import { morphChildren } from "./morph.js";
import { say } from "./say.js";
import { ask } from "./server.js";

const EVERY = 2000;

export class Works {
  constructor(document) {
    this.document = document;
    this.place = document.querySelector("#works");
    this.etag = null;
    document.addEventListener("submit", (event) => this.submit(event));
    this.plan();
  }

  plan() {
    setTimeout(async () => {
      if (!this.document.hidden) await this.look();
      this.plan();
    }, EVERY);
  }

  async look() {
    try {
      const headers = this.etag ? { "If-None-Match": this.etag } : {};
      const response = await fetch("works", { headers, cache: "no-store", signal: AbortSignal.timeout(15000) });
      if (!response.ok) return;
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      this.etag = response.headers.get("ETag");
      morphChildren(this.place, page.body);
    } catch { /* the list says that the server does not answer */ }
  }

  async submit(event) {
    const form = event.target;
    if (!form.dataset.api) return;
    event.preventDefault();
    const button = event.submitter;
    if (button?.getAttribute("aria-disabled") === "true") return;
    button?.setAttribute("aria-disabled", true);
    const outcome = form.querySelector(".outcome");
    outcome?.replaceChildren();
    try {
      const answer = await ask(form.dataset.api, { method: "POST", body: new URLSearchParams(new FormData(form, button)) });
      if (form.id === "rollout") {
        form.closest("details").open = false;
        say(`The rollout of ${answer.publish_id} to ${counted(answer.devices.length, "device")} has begun`);
        scrollTo(0, 0);
      } else {
        say(`${answer.publish_id}: ${answer.state}`);
      }
      await this.look();
    } catch (error) {
      if (outcome) showError(outcome, error);
      else this.document.querySelector("#banner").textContent = error.message;
    }
    button?.removeAttribute("aria-disabled");
  }
}
