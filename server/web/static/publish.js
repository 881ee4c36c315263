// The form's two buttons: check the files, publish them; the answer stands below.
import { element } from "./elements.js";
import { showError } from "./findings.js";
import { mayBeForced, showChecked, showPublished } from "./outcome.js";
import { Cancelled, Upload } from "./upload.js";

export function wirePublishing(form, published) {
  const upload = new Upload(form);
  const outcome = form.querySelector(".outcome");
  const publish = form.querySelector("button.primary");
  const check = form.querySelector("button.try");
  const advanced = form.querySelector(".advanced");

  const run = async (path, body, button, succeed, fail) => {
    if (upload.busy) return;
    outcome.replaceChildren();
    try {
      succeed(await upload.send(path, body, button));
    } catch (error) {
      fail(error);
    }
    outcome.firstElementChild?.scrollIntoView({ block: "nearest" });
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run("publish", filled(form), publish, ({ status, data }) => {
      showPublished(outcome, data, status === 201);
      form.querySelector(".sorted").textContent = "";
      form.reset();
      advanced.open = false;
      published();
    }, (error) => {
      if (error instanceof Cancelled) error.message += " Nothing was published, unless the server had it all already.";
      showError(outcome, error);
      if (form.elements.force.checked || !mayBeForced(error)) return;
      advanced.open = true;
      outcome.append(element("p", "hint", "To publish it all the same, tick “Publish even if the checks find errors” under Advanced."));
    });
  });
  check.addEventListener("click", () => {
    const { manifest, slot0, slot1 } = form.elements;
    if (![slot0, slot1].some((field) => field.files.length) && !manifest.reportValidity()) return;
    const body = filled(form);
    body.delete("force");
    if (!body.get("publish_id")) body.delete("publish_id");
    run("check", body, check, ({ data }) => showChecked(outcome, data), (error) => showError(outcome, error));
  });
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") outcome.replaceChildren();
  });
}

// An empty file field would be sent as a file without a name.
function filled(form) {
  const body = new FormData(form);
  for (const [name, value] of Array.from(body)) if (value instanceof File && !value.name) body.delete(name);
  return body;
}
