// Buttons with data-copy put that text on the clipboard, and say so.
import { say } from "./say.js";

export function wireCopying(document) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const done = await copy(button.dataset.copy, button.parentElement);
    const label = button.querySelector(".label");
    label.textContent = done ? "Copied" : "Press Ctrl+C";
    button.classList.toggle("copied", done);
    say(done ? "Copied" : "The browser did not allow copying");
    clearTimeout(button.copyTimer);
    button.copyTimer = setTimeout(() => {
      label.textContent = "Copy";
      button.classList.remove("copied");
    }, 2000);
  });
}

async function copy(text, place) {
  try {
    // Only there over https and on localhost; a gateway is often reached by plain http.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text, place);
  }
}

function copyBySelection(text, place) {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "vh";
  area.readOnly = true;
  place.append(area);
  area.select();
  let done = false;
  try { done = document.execCommand("copy"); } catch { /* it stays false */ }
  area.remove();
  focused?.focus({ preventScroll: true });
  return done;
}
