// One upload of the form's files at a time, with its progress and a way to cancel.
import { humanSize } from "./elements.js";
import { errorOf, ServerError, UNREACHABLE } from "./server.js";

export class Upload {
  constructor(form) {
    this.form = form;
    this.box = form.querySelector(".sending");
    this.bar = this.box.querySelector("progress");
    this.sent = this.box.querySelector(".sent");
    this.request = null;
    this.box.querySelector(".cancel").addEventListener("click", () => this.request?.abort());
  }

  get busy() {
    return Boolean(this.request);
  }

  // {status, data} of an answer that is no error; else it throws a ServerError. `button` gets the focus back.
  async send(path, body, button) {
    const request = new XMLHttpRequest();
    this.request = request;
    this.bar.value = 0;
    this.sent.textContent = "Sending…";
    this.show(true);
    try {
      return await new Promise((resolve, reject) => {
        request.open("POST", path);
        request.setRequestHeader("Accept", "application/json");
        request.upload.addEventListener("progress", ({ loaded, total }) => this.progress(loaded, total));
        request.addEventListener("load", () => {
          const data = request.status < 300 ? parsed(request.responseText) : null;
          if (data) resolve({ status: request.status, data });
          else reject(errorOf(request.status, request.responseText));
        });
        request.addEventListener("error", () => reject(new ServerError(UNREACHABLE)));
        request.addEventListener("abort", () => reject(new Cancelled()));
        request.send(body);
      });
    } finally {
      const focused = this.box.contains(document.activeElement);
      this.request = null;
      this.show(false);
      if (focused) button.focus();
    }
  }

  progress(loaded, total) {
    this.bar.value = total ? loaded / total : 0;
    this.sent.textContent = loaded < total ? `${humanSize(loaded)} of ${humanSize(total)} sent` : "Sent. The server is checking it…";
  }

  show(on) {
    this.box.hidden = !on;
    for (const button of this.form.querySelectorAll(".buttons button")) button.setAttribute("aria-disabled", on);
    this.form.classList.toggle("busy", on);
  }
}

export class Cancelled extends ServerError {
  constructor() {
    super("Cancelled.");
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
