// One device's page: looked at again every two seconds, its name and group changed in place.
import { Ages } from "./ages.js";
import { Banner } from "./banner.js";
import { element } from "./elements.js";
import { morphChildren } from "./morph.js";
import { say } from "./say.js";
import { ask } from "./server.js";

const EVERY = 2000;
const main = document.querySelector("main");
const ages = new Ages(main);
const banner = new Banner(document);
let etag = null;

async function look() {
  try {
    const headers = { Accept: "text/html", ...(etag && { "If-None-Match": etag }) };
    const response = await fetch(location.pathname, { headers, cache: "no-store", signal: AbortSignal.timeout(15000) });
    if (response.status !== 304) {
      if (response.status === 404) return banner.say("The server knows this device no more. Heard again, it is a new one.");
      if (!response.ok) return banner.say(`The server has a fault (status ${response.status}).`);
      take(new DOMParser().parseFromString(await response.text(), "text/html"));
      etag = response.headers.get("ETag");
    }
    banner.say("");
  } catch {
    banner.say("The server does not answer.");
  }
}

function take(page) {
  const word = () => main.querySelector(".update .word").textContent;
  const before = word();
  for (const part of page.querySelectorAll("[data-refresh]")) {
    ages.showAll(part);
    const here = main.querySelector(`[data-refresh="${part.dataset.refresh}"]`);
    if (here && !here.isEqualNode(part)) morphChildren(here, part);
  }
  document.title = page.title || document.title;
  if (before !== word()) say(word());
}

function plan() {
  setTimeout(async () => {
    if (!document.hidden) await look();
    plan();
  }, EVERY);
}

const form = document.querySelector("#naming");
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const outcome = form.querySelector(".outcome");
  try {
    const body = JSON.stringify({ name: form.elements.name.value, group: form.elements.group.value });
    await ask(form.dataset.api, { method: "PUT", headers: { "Content-Type": "application/json" }, body });
    await look();
    outcome.replaceChildren(element("p", "good", "Saved."));
  } catch (error) {
    outcome.replaceChildren(element("p", "", error.message));
  }
});
form?.addEventListener("input", () => form.querySelector(".outcome").replaceChildren());

ages.showAll(main);
setInterval(() => ages.showAll(main), 15000);
plan();
