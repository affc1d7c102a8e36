// One function: the form of its arguments at the left; its prompt, its run and its inside at the right.  The view stays
// while the program changes, and while another one is open: what was typed, what ran and what still runs is kept.

import { el, replace, setText, tabs } from "./dom.js";
import { argumentsForm } from "./form.js";
import { insideView } from "./inside.js";
import { decode, encode } from "./json.js";
import { previewView } from "./preview.js";
import { runView } from "./run.js";

/** Return a view of a function of the project: `{ element, refresh, close }`. */
export function functionView(fn, project, chosenTab) {
  const key = `arguments of ${fn.name}`;
  const views = [];
  const signature = el("code", { class: "signature" });
  const doc = el("p", { class: "doc" });
  const holder = el("div", {});
  const client = el("select", { id: "client", onchange: typed });
  const clientField = el("div", { class: "field" }, el("label", { class: "label", for: "client" }, "Client"), client);
  let latest = project;
  let form = null;
  let shape = null; // what the form was made from

  const asked = () => ({ function: fn.name, args: form.read(), client: client.value || null });

  /** The arguments have changed. */
  function typed() {
    try {
      sessionStorage.setItem(key, encode(form.read()));
    } catch {
      sessionStorage.removeItem(key); // too long to be remembered, or nothing that can be sent
    }
    for (const view of views) view.typed?.();
  }

  function refresh(now) {
    latest = now;
    const found = now.functions.find((each) => each.name === fn.name);
    if (found === undefined) return;
    setText(signature, found.signature);
    setText(doc, found.doc);
    doc.hidden = !found.doc;
    const newShape = JSON.stringify([found.parameters, now.schemas]);
    if (newShape !== shape) {
      const values = decode(sessionStorage.getItem(key) ?? "");
      form = argumentsForm(found.parameters, now.schemas, typed);
      if (typeof values === "object" && values !== null) form.write(values);
      replace(holder, found.parameters.length ? form.element : el("p", { class: "hint" }, "It takes none."));
      shape = newShape;
    }
    const chosen = client.value;
    replace(client, el("option", { value: "" }, `its own: ${found.client}`), now.clients.map((name) => el("option", { value: name }, name)));
    client.value = now.clients.includes(chosen) ? chosen : "";
    clientField.hidden = found.kind !== "llm" || now.clients.length === 0;
    for (const view of views) view.refresh?.(now);
  }

  refresh(project);
  const run = runView(asked);
  const add = (view) => {
    views.push(view);
    return view.element;
  };
  const preview = () => {
    const view = previewView(asked);
    return add({ ...view, typed: view.refresh });
  };
  const items = [{ id: "run", title: "Run", view: () => add(run) }];
  if (fn.kind === "llm") items.unshift({ id: "prompt", title: "Prompt", view: preview });
  items.push({ id: "inside", title: "Inside", view: () => add(insideView(fn.name, latest, asked)) });
  const panels = tabs("The function", items, chosenTab.get(), chosenTab.set);

  const element = el(
    "div",
    { onkeydown: runByKey },
    el("header", { class: "of" }, el("h2", {}, fn.name), signature, doc),
    el("div", { class: "columns" }, el("section", { "aria-label": "Arguments" }, el("h3", {}, "Arguments"), holder, clientField, el("p", { class: "hint keys" }, el("kbd", {}, "Ctrl"), " + ", el("kbd", {}, "Enter"), " runs it.")), panels.element),
  );

  function runByKey(event) {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    panels.open("run");
    run.start();
  }

  return {
    element,
    refresh,
    close() {
      for (const view of views) view.close?.();
    },
  };
}
