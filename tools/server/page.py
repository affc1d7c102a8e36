"""The page at ``/docs``: every function with a form for its arguments, made from ``/openapi.json``.

One file, no request to any other host; the key that a user types in stays in the page.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark; background: Canvas; color: CanvasText; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8886; border-radius: 6px; margin: .5rem 0; padding: .5rem 1rem; }
summary { cursor: pointer; font-weight: 600; }
textarea, input, pre { font: 13px/1.4 ui-monospace, monospace; }
textarea { width: 100%; min-height: 7rem; box-sizing: border-box; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; max-height: 30rem; overflow: auto; padding: .5rem; }
pre { background: #8881; }
"""
_SCRIPT: Final = """
const main = document.querySelector("main"), key = document.querySelector("#key");
const authorization = () => key.value ? {authorization: "Bearer " + key.value} : {};
const add = (parent, name, text = "", more = {}) =>
  parent.appendChild(Object.assign(document.createElement(name), {textContent: text, ...more}));
function sample(schema, root, depth = 0) {
  if (schema.$ref) schema = schema.$ref.slice(2).split("/").reduce((at, part) => at[part], root);
  const first = (schema.anyOf || schema.oneOf || [])[0];
  if (first) return sample(first, root, depth);
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === "array" || depth > 6) return [];
  if (type === "object") return Object.fromEntries((schema.required || []).map(
    name => [name, sample((schema.properties || {})[name] || {}, root, depth + 1)]));
  return {string: "", integer: 0, number: 0, boolean: false}[type] ?? null;
}
async function run(path, text, out) {
  out.textContent = "";
  try {
    const answer = await fetch(path, {
      method: "POST", headers: {"content-type": "application/json", ...authorization()}, body: text});
    if (!(answer.headers.get("content-type") || "").startsWith("text/event-stream")) {
      const body = await answer.text();
      try { out.textContent = answer.status + " " + JSON.stringify(JSON.parse(body), null, 2); }
      catch { out.textContent = answer.status + " " + body; }
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const {value, done} = await reader.read();
      if (done) break;
      const events = (rest + value).split("\\n\\n");
      rest = events.pop();
      for (const event of events) out.textContent = event + "\\n\\n" + out.textContent.slice(0, 20000);
    }
  } catch (error) { out.textContent = String(error); }
}
async function show() {
  main.replaceChildren();
  const answer = await fetch("openapi.json", {headers: authorization()});
  if (!answer.ok) { add(main, "p", answer.status + ": type in a key"); return; }
  const api = await answer.json();
  for (const [path, {post}] of Object.entries(api.paths)) {
    if (!post || !path.startsWith("/call/")) continue;
    const name = path.slice(6), box = add(main, "details");
    add(box, "summary", name);
    if (post.description || post.summary) add(box, "p", post.description || post.summary);
    let body = post.requestBody;
    if (body && body.$ref) body = body.$ref.slice(2).split("/").reduce((at, part) => at[part], api);
    const schema = body ? body.content["application/json"].schema : {type: "object"};
    const text = add(box, "textarea", "", {value: JSON.stringify(sample(schema, api), null, 2)});
    text.setAttribute("aria-label", "arguments of " + name);
    const bar = add(box, "p"), out = add(box, "pre");
    out.setAttribute("aria-live", "polite");
    out.tabIndex = 0;
    add(bar, "button", "Call", {onclick: () => run("call/" + name, text.value, out)});
    bar.append(" ");
    add(bar, "button", "Stream", {onclick: () => run("stream/" + name, text.value, out)});
  }
}
key.addEventListener("change", show);
document.querySelector("form").addEventListener("submit", event => { event.preventDefault(); key.blur(); });
show();
"""


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; script-src {_source(_SCRIPT)}; style-src {_source(_STYLE)}; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: its own script and style, and requests to its own server."""

PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>BAML functions</title>
<style>{_STYLE}</style>
<header>
<h1>BAML functions</h1>
<form><label>Key <input id="key" type="password" autocomplete="off"></label></form>
</header>
<main></main>
<script type="module">{_SCRIPT}</script>
</html>
"""
