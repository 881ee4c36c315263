// Files dropped anywhere on the page go into the form's three file fields, told apart by their names.
import { humanSize } from "./elements.js";

const TEMPORARY = /^\.|~$|\.part$|\.filepart$/;
const EXACT = /^(manifest|slot0|slot1)(\.bin|\.suit|\.cbor)?$/;
const PATTERNS = {
  manifest: /riot\.suit(v4_signed)?\..*bin$|\.suit$|manifest/,
  slot0: /(^|[^a-z0-9])slot0([^0-9]|$)/,
  slot1: /(^|[^a-z0-9])slot1([^0-9]|$)/,
};

// The server's own rule (common/roles.py): the exact name first, then one pattern, never a guess.
export function roleOf(name) {
  const base = name.toLowerCase();
  const exact = EXACT.exec(base);
  if (exact) return exact[1];
  const fitting = Object.keys(PATTERNS).filter((role) => PATTERNS[role].test(base));
  return fitting.length === 1 ? fitting[0] : null;
}

// {files by role, sentences about what was left out}
export function sortFiles(files) {
  const claims = new Map();
  const unknown = [];
  for (const file of files) {
    const role = roleOf(file.name);
    if (role) claims.set(role, [...(claims.get(role) ?? []), file]);
    else unknown.push(file.name);
  }
  const sorted = new Map();
  const said = [];
  for (const [role, claimants] of claims) {
    if (claimants.length === 1) sorted.set(role, claimants[0]);
    else said.push(`${claimants.length} files could be the ${role} (${claimants.map((f) => f.name).join(", ")}): drop one of them.`);
  }
  if (unknown.length) said.push(`Left out, because the name says neither manifest, slot0 nor slot1: ${unknown.join(", ")}.`);
  return { sorted, said };
}

export function wireDrops(document, form) {
  const veil = document.querySelector("#veil");
  const hasFiles = (event) => event.dataTransfer && Array.from(event.dataTransfer.types).includes("Files");
  const busy = () => form.classList.contains("busy") || document.querySelector("dialog[open]");
  let depth = 0;

  document.addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    veil.hidden = Boolean(busy());
  });
  document.addEventListener("dragleave", (event) => {
    if (!hasFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) veil.hidden = true;
  });
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = busy() ? "none" : "copy";
  });
  document.addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    if (busy()) return;
    const row = event.target.closest?.("[data-role]");
    const { files, folder } = await droppedFiles(event.dataTransfer);
    if (row && files.length === 1) fill(form, new Map([[row.dataset.role, files[0]]]), [], folder);
    else fill(form, ...Object.values(sortFiles(files)), folder);
    form.scrollIntoView({ block: "nearest" });
  });
  form.addEventListener("change", (event) => {
    if (event.target.type === "file") showChosen(form);
  });
  form.addEventListener("reset", () => setTimeout(() => showChosen(form)));
  showChosen(form);
}

function fill(form, sorted, said, folder) {
  for (const [role, file] of sorted) {
    const carrier = new DataTransfer();
    carrier.items.add(file);
    form.elements[role].files = carrier.files;
  }
  const id = form.elements.publish_id;
  const proposal = folder ?? numberIn(sorted.get("manifest")?.name ?? "");
  if (!id.value && proposal) id.value = proposal;
  showChosen(form);
  form.querySelector(".sorted").textContent = said.join(" ");
  form.querySelector(".outcome").replaceChildren();
  if (sorted.size) (id.value ? form.querySelector("button.primary") : id).focus({ preventScroll: true });
}

// RIOT's build writes the sequence number into its names: riot.suit.1700000100.bin
function numberIn(name) {
  const number = /\.(\d{4,})\./.exec(name);
  return number && `version_${number[1]}`;
}

function showChosen(form) {
  for (const row of form.querySelectorAll("[data-role]")) {
    const file = row.querySelector("input").files[0];
    row.classList.toggle("full", Boolean(file));
    row.querySelector(".chosen").textContent = file ? humanSize(file.size) : "";
  }
}

// One dropped folder counts as the files in it, and its name is a good publish id.
async function droppedFiles(transfer) {
  const entries = Array.from(transfer.items ?? [], (item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = Array.from(transfer.files);
  const folders = entries.filter((entry) => entry.isDirectory);
  if (!folders.length) return { files: plain };
  const inside = await Promise.all(folders.map(filesIn));
  const names = new Set(folders.map((entry) => entry.name));
  const files = [...plain.filter((file) => !names.has(file.name)), ...inside.flat()];
  return { files, folder: folders.length === 1 ? folders[0].name : undefined };
}

async function filesIn(folder) {
  const reader = folder.createReader();
  const files = [];
  for (;;) {
    const batch = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!batch.length) return files;
    const wanted = batch.filter((entry) => entry.isFile && !TEMPORARY.test(entry.name));
    files.push(...(await Promise.all(wanted.map((entry) => new Promise((resolve) => entry.file(resolve, () => resolve(null)))))).filter(Boolean));
  }
}
