// Withdrawing and restoring happen in place: both can be undone, so neither asks.
import { element } from "./elements.js";
import { showError } from "./findings.js";
import { ask } from "./server.js";
import { say } from "./say.js";

const ACTS = {
  "withdraw-form": ["withdraw", "was withdrawn: no new device gets it"],
  "restore-form": ["restore", "was restored"],
};

export function wireShelving(document, changed) {
  document.addEventListener("submit", async (event) => {
    const act = ACTS[event.target.id];
    if (!act) return;
    event.preventDefault();
    const button = event.submitter;
    if (button.getAttribute("aria-disabled") === "true") return;
    const [path, done] = act;
    const card = button.closest(".card");
    const actions = card.querySelector(".actions");
    actions.querySelector(".outcome")?.remove();
    button.setAttribute("aria-disabled", true);
    try {
      const id = card.dataset.id;
      await ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ publish_id: id }) });
      say(`${id} ${done}`);
      await changed();
    } catch (error) {
      const box = element("div", "outcome");
      box.setAttribute("role", "alert");
      actions.append(box);
      showError(box, error);
    }
    button.removeAttribute("aria-disabled");
  });
}
