// The prompt as it will be sent, while one types; and the request, also for curl.

import { Failure, post } from "./api.js";
import { el, later, pretty, replace, shortened, tabs } from "./dom.js";

/** Return a view of the call that `asked()` describes; `refresh()` asks again after a short pause. */
export function previewView(asked) {
  const prompt = el("div", { "aria-live": "off" });
  const request = el("pre", { tabindex: "0" });
  const command = el("pre", { tabindex: "0" });
  const problem = el("p", { class: "error", role: "alert" });
  const tokens = el("p", { class: "hint" });
  let question = 0;

  async function show() {
    const number = (question += 1);
    let found;
    try {
      found = await post("/api/preview", asked());
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      found = { error: error.message };
    }
    if (number !== question) return; // a newer question has been asked meanwhile
    replace(problem, found.error ?? "");
    if (found.messages !== undefined) replace(prompt, found.messages.map(message));
    replace(tokens, found.tokens === undefined ? "" : `about ${found.tokens.toLocaleString()} tokens`);
    replace(request, found.request === undefined ? "" : shortened(`${found.request.method} ${found.request.url}\n${headers(found.request.headers)}\n\n${pretty(found.request.body)}`));
    replace(command, found.curl === undefined ? "" : shortened(found.curl));
  }

  const copy = el("button", { type: "button", class: "small", onclick: () => navigator.clipboard.writeText(command.textContent) }, "Copy");
  const view = tabs("The call that would be made", [
    { id: "messages", title: "Messages", view: () => el("div", {}, tokens, prompt) },
    { id: "request", title: "Request", view: () => request },
    { id: "curl", title: "curl", view: () => el("div", {}, el("div", { class: "bar" }, copy), command) },
  ]);
  show();
  return { element: el("section", {}, problem, view), refresh: later(200, show) };
}

function headers(values) {
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");
}

function message({ role, parts }) {
  return el(
    "div",
    { class: "message" },
    el("h4", {}, role),
    parts.map((part) => el("pre", {}, part.type === "text" ? shortened(part.text) : `<${part.type} ${part.media_type ?? ""} ${part.url ?? `${part.characters} characters`}>`)),
  );
}
