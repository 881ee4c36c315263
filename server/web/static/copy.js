// A copy button puts the whole of what stands beside it on the clipboard, and says so.
import { say } from "./say.js";

export function wireCopying(document) {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    const done = await copy(textBeside(button), button.parentElement);
    const label = button.firstElementChild;
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

// A shortened text has the full one for its title.
function textBeside(button) {
  const code = button.parentElement.querySelector("code");
  return code.title || code.textContent;
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
