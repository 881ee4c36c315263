// Requests to the server: an error is always a sentence for a person, with the findings where there are some.
export class ServerError extends Error {
  constructor(message, findings = [], status = 0) {
    super(message);
    this.status = status;
    this.findings = findings;
  }
}

// The form to log in, which leads back to this page.
export function loginAddress() {
  const { root } = document.documentElement.dataset;
  const { pathname } = new URL(root || "./", location.href);
  const here = (location.pathname + location.search).slice(pathname.length);
  return `${root}login${here ? `?next=${encodeURIComponent(here)}` : ""}`;
}

export const UNREACHABLE = "The server cannot be reached. Is the gateway running, and are you on its network? Nothing was lost here: try again.";

export function errorOf(status, text) {
  try {
    const data = JSON.parse(text);
    if (typeof data.message === "string") return new ServerError(data.message, data.findings ?? [], status);
  } catch { /* not ours: a proxy's page, perhaps */ }
  return new ServerError(`The server answered with status ${status} and gave no reason.`, [], status);
}

export async function ask(path, options = {}) {
  let response;
  let text;
  try {
    response = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
    text = await response.text();
  } catch {
    throw new ServerError(UNREACHABLE);
  }
  if (!response.ok) throw errorOf(response.status, text);
  try {
    return JSON.parse(text);
  } catch {
    throw errorOf(response.status, text);
  }
}
