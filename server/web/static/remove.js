// Removing asks first, naming exactly what goes.
import { element } from "./elements.js";
import { showError } from "./findings.js";
import { ask } from "./server.js";
import { say } from "./say.js";

export function wireRemoving(document, removed) {
  const dialog = document.querySelector("#remove-dialog");
  const outcome = dialog.querySelector(".outcome");
  const confirm = dialog.querySelector(".confirm");
  let publishId = null;
  let gone = false;
  let asking = false;

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "remove-form") return;
    event.preventDefault();
    const card = event.submitter.closest(".card");
    publishId = card.dataset.id;
    gone = false;
    dialog.querySelector(".name").textContent = publishId;
    dialog.querySelector(".forced").hidden = !card.querySelector(".badge.forced");
    dialog.querySelector(".files").replaceChildren(...Array.from(card.querySelectorAll("[data-file]"), (row) => {
      const name = row.querySelector(".file-name")?.textContent;
      return element("li", "", element("b", "", row.dataset.file), `${name ? ` (${name})` : ""}, ${row.querySelector(".size").textContent}`);
    }));
    outcome.replaceChildren();
    dialog.showModal();
  });
  dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog && outside(dialog, event)) dialog.close();
  });
  dialog.addEventListener("close", () => {
    if (gone) document.querySelector("#releases").focus({ preventScroll: true });
  });
  confirm.addEventListener("click", async () => {
    if (asking) return;
    asking = true;
    outcome.replaceChildren();
    const id = publishId;
    try {
      await ask("remove", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ publish_id: id }) });
      gone = id === publishId;
      if (gone) dialog.close();
      say(`${id} was removed`);
      removed();
    } catch (error) {
      if (id === publishId) showError(outcome, error);
    }
    asking = false;
  });
}

function outside(dialog, { clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX < box.left || clientX > box.right || clientY < box.top || clientY > box.bottom;
}
