// The prompt as it will be sent, while one types; and the request, also for curl.

import { post, reason, wasAborted } from "./api.js";
import { block, copyButton, count, el, later, replace, setText, shortened, tabs } from "./dom.js";
import { pretty } from "./json.js";

/** Return a view of the call that `asked()` describes; `refresh()` asks again after a short pause. */
export function previewView(asked) {
  const prompt = el("div", {});
  const requestText = block("The request");
  const command = block("The command for curl");
  const problem = el("p", { class: "error", role: "alert" });
  const older = el("p", { class: "hint" });
  const tokens = el("p", { class: "hint" });
  let question = new AbortController();
  let shape = null; // of the messages that are shown
  let whole = { command: "", prompt: "" };

  async function show() {
    question.abort(); // the server ends the older question
    const mine = (question = new AbortController());
    let found;
    try {
      found = await post("/api/preview", asked(), mine.signal);
    } catch (error) {
      if (wasAborted(error)) return;
      found = { error: reason(error) };
    }
    if (mine !== question) return;
    setText(problem, found.error ?? "");
    view.element.classList.toggle("stale", found.messages === undefined);
    setText(older, found.messages === undefined && shape !== null ? "What is below was made of other arguments." : "");
    if (found.messages === undefined) return;
    whole = { command: found.curl ?? "", prompt: found.messages.map((each) => `${each.role}:\n${textOf(each)}`).join("\n\n") };
    showMessages(found.messages);
    setText(tokens, `about ${count(found.tokens, "token")}`);
    setText(requestText, found.request === undefined ? "" : shortened(describe(found.request)));
    setText(command, shortened(whole.command));
  }

  /** Show messages; where only texts have changed, the blocks stay as they are scrolled. */
  function showMessages(messages) {
    const now = JSON.stringify(messages.map(({ role, parts }) => [role, parts.map((part) => part.data ?? null)]));
    if (now !== shape) replace(prompt, messages.map(message));
    const texts = messages.flatMap(({ parts }) => parts.map(partText));
    prompt.querySelectorAll("pre").forEach((each, at) => setText(each, texts[at]));
    shape = now;
  }

  const view = tabs("The call that would be made", [
    { id: "messages", title: "Messages", view: () => el("div", {}, el("div", { class: "bar" }, tokens, copyButton(() => whole.prompt, "the prompt")), prompt) },
    { id: "request", title: "Request", view: () => requestText },
    { id: "curl", title: "curl", view: () => el("div", {}, el("div", { class: "bar" }, el("span", { class: "hint" }, "Secrets are variables of the shell."), copyButton(() => whole.command, "the command")), command) },
  ]);
  show();
  return { element: el("section", {}, problem, older, view.element), refresh: later(200, show) };
}

function describe({ method, url, headers, body }) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${url}\n${lines.join("\n")}\n\n${/^[[{]/.test(body) ? pretty(body) : body}`;
}

function textOf({ parts }) {
  return parts.map((part) => (part.type === "text" ? part.text : mediaText(part))).join("\n");
}

function partText(part) {
  return part.type === "text" ? shortened(part.text) : mediaText(part);
}

function mediaText(part) {
  const from = part.url === "" ? "without an address" : (part.url ?? `${count(part.characters, "character")} of base64`);
  return `<${[part.type, part.media_type, from].filter(Boolean).join(" ")}>`;
}

function message({ role, parts }) {
  return el(
    "div",
    { class: "message" },
    el("h4", {}, role),
    parts.map((part) => [block(`${role} message`, null, partText(part)), part.data ? el("img", { src: part.data, alt: `the ${part.type}` }) : null]).flat(),
  );
}
