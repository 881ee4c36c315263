// The form's upload, with its progress, a way to cancel, and the answer in place.
import { element, humanSize, showError } from "./elements.js";
import { errorOf, UNREACHABLE } from "./server.js";

export function wirePublishing(form, published) {
  const sending = form.querySelector(".sending");
  const bar = sending.querySelector("progress");
  const sent = sending.querySelector(".sent");
  const outcome = form.querySelector(".outcome");
  const button = form.querySelector("button.primary");
  let request = null;

  const busy = (on) => {
    sending.hidden = !on;
    button.setAttribute("aria-disabled", on);
    form.classList.toggle("busy", on);
  };
  const fail = (error) => {
    showError(outcome, error.message, error.findings);
    if (error.findings?.length) form.querySelector(".advanced").open = true;
  };
  const succeed = (release, status) => {
    const text = status === 200 ? `${release.publish_id} was there already, with the same bytes.` : `${release.publish_id} is published.`;
    outcome.replaceChildren(element("p", "good", text));
    form.querySelector(".sorted").textContent = "";
    form.reset();
    form.querySelector(".advanced").open = false;
    published();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (request) return;
    outcome.replaceChildren();
    const body = new FormData(form);
    for (const [name, value] of Array.from(body)) if (value instanceof File && !value.name) body.delete(name);
    request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = total ? loaded / total : 0;
      sent.textContent = loaded < total ? `${humanSize(loaded)} of ${humanSize(total)} sent` : "Sent. The server is checking it…";
    });
    request.addEventListener("load", () => {
      const { status, responseText } = request;
      const release = status === 200 || status === 201 ? parsed(responseText) : null;
      if (release) succeed(release, status);
      else fail(errorOf(status, responseText));
    });
    request.addEventListener("error", () => fail({ message: UNREACHABLE }));
    request.addEventListener("abort", () => fail({ message: "Cancelled. Nothing was published, unless the server had it all already." }));
    request.addEventListener("loadend", () => {
      const focused = sending.contains(document.activeElement);
      request = null;
      busy(false);
      if (focused) button.focus();
    });
    bar.value = 0;
    sent.textContent = "Sending…";
    busy(true);
    request.send(body);
  });
  sending.querySelector(".cancel").addEventListener("click", () => request?.abort());
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
