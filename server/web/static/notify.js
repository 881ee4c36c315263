// Telling devices: the answers come row by row; the devices typed last are offered again.
import { element } from "./elements.js";
import { showError } from "./findings.js";
import { ask } from "./server.js";

const KEY = "ota-server.devices";
const EVERY = 500;
const WORDS = { waiting: "Waiting", accepted: "Accepted", refused: "Refused", unreachable: "No answer", unknown: "Not known yet", cancelled: "Not told" };

const running = new WeakSet();

export function wireNotifying(document) {
  // toggle does not bubble, but it is captured.
  document.addEventListener("toggle", ({ target }) => {
    if (!target.matches?.(".notify") || !target.open) return;
    const area = formIn(target).elements.urls;
    if (!area.value) area.value = remembered();
    if (target.contains(document.activeElement)) area.focus();
  }, true);
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".notifying")) return;
    event.preventDefault();
    notify(event.target);
  });
}

// A form in every card would be slow: browsers take seconds for pages with a thousand forms.
function formIn(details) {
  if (!details.querySelector(".notifying")) {
    details.querySelector("[data-live]").append(document.querySelector("#notify-form").content.cloneNode(true));
    details.querySelector("[name=publish_id]").value = details.closest(".card").dataset.id;
  }
  return details.querySelector(".notifying");
}

async function notify(form) {
  const results = form.querySelector(".results");
  if (running.has(form)) return;
  running.add(form);
  remember(form.elements.urls.value.trim());
  results.setAttribute("aria-live", "polite");
  results.replaceChildren(element("p", "hint", "Asking the server…"));
  try {
    let notification = await ask(form.action, { method: "POST", headers: { Prefer: "respond-async" }, body: new URLSearchParams(new FormData(form)) });
    show(results, notification);
    while (form.isConnected && notification.results.some((result) => result.state === "waiting")) {
      await new Promise((resolve) => setTimeout(resolve, EVERY));
      notification = await ask(`api/v1/notifications/${encodeURIComponent(notification.id)}`);
      show(results, notification);
    }
  } catch (error) {
    const box = results.querySelector(".outcome") ?? element("div", "outcome");
    showError(box, error);
    results.querySelector(".hint")?.remove();
    results.append(box);
  }
  running.delete(form);
}

function show(box, { results }) {
  let list = box.querySelector("ul");
  if (list?.children.length !== results.length) {
    list = element("ul", "", ...results.map(({ device }) => element("li", "", element("code", "", device), element("b", ""), element("span", ""))));
    box.replaceChildren(list, element("p", "hint"));
  }
  results.forEach(({ state, message }, index) => {
    const row = list.children[index];
    if (row.className === state) return;
    row.className = state;
    row.children[1].textContent = WORDS[state] ?? state;
    row.children[2].textContent = state === "waiting" ? "" : message;
  });
  const waiting = results.filter(({ state }) => state === "waiting").length;
  const accepted = results.some(({ state }) => state === "accepted");
  const text = waiting ? `Waiting for ${waiting} of ${results.length}…` : accepted ? "Accepted means that the device took the message. Whether it then updates is another matter." : "";
  const hint = box.querySelector(".hint");
  if (hint.textContent !== text) hint.textContent = text;
}

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}

function remember(text) {
  try {
    localStorage.setItem(KEY, text);
  } catch { /* private windows may have no storage; it is a comfort only */ }
}
