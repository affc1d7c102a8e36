// The page: what there is in the program at the left, one of it at the right.  It follows every change of the sources:
// the form keeps what was typed, and the prompt is made again.

import { Failure, get, post } from "./api.js";
import { el, pretty, replace, seconds, shortened, tabs } from "./dom.js";
import { argumentsForm } from "./form.js";
import { insideView } from "./inside.js";
import { previewView } from "./preview.js";
import { recordingView } from "./recording.js";
import { runView } from "./run.js";

const list = document.getElementById("list");
const main = document.getElementById("main");
const state = document.getElementById("state");
const typed = new Map(); // the arguments of each function, as they were last
const chosenTabs = new Map();

let project = null;
let chosen = null; // { kind: "function" | "tests" | "problems" | "recording", name }
let changed = () => {}; // what the open view does when the sources have changed

async function follow() {
  for (;;) {
    try {
      const found = await get("/api/project", project === null ? {} : { newer: project.version });
      if (project === null || found.version !== project.version) show(found);
    } catch (error) {
      state.className = "bad";
      replace(state, error instanceof Failure ? error.message : "bamlvm dev does not answer; it may have ended");
      if (error instanceof Failure && project === null) return;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

function show(found) {
  const before = project;
  project = found;
  replace(document.getElementById("path"), project.path);
  const errors = project.diagnostics.filter((each) => each.severity === "error").length;
  const text = project.problem ?? (errors > 0 ? `${errors} error${errors === 1 ? "" : "s"}: the last version without errors runs` : project.mocked ? "LLM calls are mocked" : "");
  state.className = project.problem !== null || errors > 0 ? "bad" : "";
  replace(state, text);
  navigation();
  if (chosen === null) {
    const first = project.recording ? { kind: "recording" } : errors > 0 ? { kind: "problems" } : project.functions.find((each) => each.kind === "llm") ?? project.functions[0];
    open(first === undefined ? { kind: "problems" } : first.kind === "recording" || first.kind === "problems" ? first : { kind: "function", name: first.name });
  } else if (chosen.kind === "function" && same(before, project)) {
    changed();
  } else {
    open(chosen);
  }
}

/** Whether the open function looks the same from outside, so that its form can stay. */
function same(before, after) {
  const text = (each) => JSON.stringify([each?.functions.find((fn) => fn.name === chosen.name), each?.schemas]);
  return text(before) === text(after);
}

function navigation() {
  const entry = (item, title) =>
    el("li", {}, el("button", { type: "button", "aria-current": chosen && chosen.kind === item.kind && chosen.name === item.name ? "true" : false, onclick: () => open(item) }, title));
  const group = (title, entries) => (entries.length ? [el("h2", {}, title), el("ul", {}, entries)] : []);
  const llm = project.functions.filter((each) => each.kind === "llm");
  const others = project.functions.filter((each) => each.kind !== "llm");
  const problems = project.diagnostics.length;
  replace(
    list,
    ...group("Recording", project.recording ? [entry({ kind: "recording" }, "Exchanges")] : []),
    ...group("LLM functions", llm.map((each) => entry({ kind: "function", name: each.name }, each.name))),
    ...group("Functions", others.map((each) => entry({ kind: "function", name: each.name }, each.name))),
    ...group("Tests", project.tests.length ? [entry({ kind: "tests" }, `All ${project.tests.length}`)] : []),
    ...group("Problems", [entry({ kind: "problems" }, problems === 0 ? "None" : `${problems} finding${problems === 1 ? "" : "s"}`)]),
  );
}

async function open(item) {
  const moved = chosen !== null && (chosen.kind !== item.kind || chosen.name !== item.name);
  chosen = item;
  changed = () => {};
  navigation();
  if (item.kind === "tests") replace(main, testsView());
  else if (item.kind === "problems") replace(main, problemsView());
  else if (item.kind === "recording") replace(main, recordingView(await get("/api/recording"), project.functions));
  else {
    const fn = project.functions.find((each) => each.name === item.name);
    replace(main, fn === undefined ? el("p", { class: "empty" }, `There is no function ${item.name} any more.`) : functionView(fn));
  }
  document.title = `${item.name ?? item.kind} – bamlvm dev`;
  if (moved) main.focus();
}

function functionView(fn) {
  const views = [];
  const client = el("select", { id: "client", onchange: () => refresh() }, el("option", { value: "" }, "its own"), project.clients.map((name) => el("option", { value: name }, name)));
  const refresh = () => {
    typed.set(fn.name, form.read());
    for (const view of views) view.refresh?.();
  };
  const form = argumentsForm(fn.parameters, project.schemas, () => refresh());
  const asked = () => ({ function: fn.name, args: form.read(), client: client.value || null });
  if (typed.has(fn.name)) form.write(typed.get(fn.name));
  const add = (view) => {
    views.push(view);
    return view.element;
  };
  changed = refresh;
  const items = [{ id: "run", title: "Run", view: () => add(runView(asked)) }];
  if (fn.kind === "llm") items.unshift({ id: "prompt", title: "Prompt", view: () => add(previewView(asked)) });
  items.push({ id: "inside", title: "Inside", view: () => insideView(fn, project.stages, asked) });
  return el(
    "div",
    {},
    el("h2", {}, fn.name),
    el("code", {}, fn.signature),
    fn.doc ? el("p", { class: "doc" }, fn.doc) : null,
    el(
      "div",
      { class: "columns" },
      el(
        "section",
        { "aria-label": "Arguments" },
        el("h3", {}, "Arguments"),
        fn.parameters.length ? form.element : el("p", { class: "hint" }, "It takes none."),
        fn.kind === "llm" && project.clients.length ? el("div", { class: "field" }, el("label", { class: "label", for: "client" }, "Client"), client) : null,
      ),
      tabs("The function", items, chosenTabs.get("function"), (id) => chosenTabs.set("function", id)),
    ),
  );
}

function testsView() {
  const rows = project.tests.map((test) => {
    const status = el("td", {}, "");
    const details = el("td", {});
    const run = async () => {
      button.disabled = true;
      replace(status, "running…");
      status.className = "";
      let outcome;
      try {
        outcome = await post("/api/test", { name: test.name });
      } catch (error) {
        outcome = { status: "error", error: error.message, constraints: [], seconds: null };
      }
      status.className = outcome.status === "passed" ? "good" : "bad";
      replace(status, `${outcome.status} ${seconds(outcome.seconds)}`);
      replace(details, outcomeText(outcome));
      button.disabled = false;
    };
    const button = el("button", { type: "button", class: "small", "aria-label": `Run ${test.name}`, onclick: run }, "Run");
    return { run, row: el("tr", {}, el("td", {}, button), el("td", {}, el("code", {}, test.name)), status, details) };
  });
  const all = el("button", { type: "button", class: "main", onclick: () => Promise.all(rows.map((each) => each.run())) }, "Run all");
  return el(
    "section",
    {},
    el("h2", {}, "Tests"),
    el("div", { class: "bar" }, all),
    el("table", {}, el("thead", {}, el("tr", {}, ["run", "test", "result", "details"].map((title) => el("th", { scope: "col" }, title)))), el("tbody", {}, rows.map((each) => each.row))),
  );
}

function outcomeText(outcome) {
  if (outcome.error !== null && outcome.error !== undefined) return el("pre", { class: "error" }, shortened(outcome.error));
  return [
    ...outcome.constraints.filter((each) => each.holds !== true).map((each) => el("p", { class: each.level === "check" ? "warn" : "error" }, each.text, each.operands.map(([source, value]) => el("code", {}, ` ${source} is ${JSON.stringify(value)}`)))),
    el("details", {}, el("summary", {}, "value"), el("pre", {}, shortened(pretty(outcome.value)))),
  ];
}

function problemsView() {
  if (project.diagnostics.length === 0) return el("p", { class: "empty" }, project.problem ?? "No errors and no warnings.");
  return el(
    "section",
    {},
    el("h2", {}, "Problems"),
    project.diagnostics.map((each) =>
      el(
        "div",
        { class: "message" },
        el("h4", { class: each.severity === "error" ? "bad" : "warn" }, `${each.code} ${each.file}:${each.start.line}:${each.start.column}`),
        el("p", {}, each.message),
        each.hint ? el("p", { class: "hint" }, each.hint) : null,
      ),
    ),
  );
}

follow();
