// What a screen reader is told, politely.
export function say(text) {
  const live = document.querySelector("#live");
  live.textContent = "";
  requestAnimationFrame(() => { live.textContent = text; });
}
