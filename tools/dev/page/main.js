// The page: what there is in the program at the left, one of it at the right.  It follows every change of the sources.
// The address says what is open (#/function/NAME), so that back, forward and reload work.

import { authorise, get, reason } from "./api.js";
import { count, el, replace, setText } from "./dom.js";
import { functionView } from "./function.js";
import { problemsView } from "./problems.js";
import { recordingView } from "./recording.js";
import { testsView } from "./tests.js";
import { connect } from "./works.js";

const list = document.getElementById("list");
const groups = document.getElementById("groups");
const filter = document.getElementById("filter");
const main = document.getElementById("main");
const state = document.getElementById("state");

const views = new Map(); // by the address that opens them; they stay as they are while another one is open
const chosenTab = {
  get: () => sessionStorage.getItem("tab"),
  set: (id) => sessionStorage.setItem("tab", id),
};

let project = null;
let shown = null; // the address of what is open
let connection = null; // what is wrong with the connection

async function load() {
  const newest = (load.number = (load.number ?? 0) + 1);
  try {
    const found = await get("/api/project");
    if (newest !== load.number) return;
    connection = null;
    if (found.version !== project?.version) update(found);
  } catch (error) {
    if (newest === load.number) connection = reason(error);
  }
  showState();
}

function update(found) {
  project = found;
  setText(document.getElementById("path"), project.path);
  for (const [address, view] of views) {
    const { kind, name } = parsed(address);
    if (kind === "function" && !project.functions.some((each) => each.name === name && each.kind === view.kind)) {
      view.close();
      views.delete(address);
      if (address === shown) shown = null;
    } else {
      view.refresh?.(project);
    }
  }
  navigation();
  if (parsed(location.hash).kind === undefined) history.replaceState(null, "", first());
  open();
}

function showState() {
  const errors = project?.diagnostics.filter((each) => each.severity === "error").length ?? 0;
  const since = project?.functions.length ? ": the last version without errors runs" : "";
  const problem = connection ?? project?.problem ?? (errors > 0 ? `${count(errors, "error")}${since}` : null);
  state.className = problem === null ? "" : "bad";
  setText(state, problem ?? (project?.mocked ? "LLM calls are mocked" : ""));
  if (project === null && connection !== null) replace(main, el("p", { class: "empty" }, connection));
}

function first() {
  if (project.recording) return "#/recording";
  if (project.problem !== null || project.diagnostics.some((each) => each.severity === "error") || project.functions.length === 0) return "#/problems";
  return addressOf((project.functions.find((each) => each.kind === "llm") ?? project.functions[0]).name);
}

function addressOf(name) {
  return `#/function/${encodeURIComponent(name)}`;
}

function parsed(address) {
  const [, kind, name] = /^#\/(function|tests|problems|recording)(?:\/(.*))?$/.exec(address) ?? [];
  try {
    return { kind, name: name && decodeURIComponent(name) };
  } catch {
    return {};
  }
}

function navigation() {
  const words = filter.value.trim().toLowerCase();
  const link = (address, title, className = null) => el("li", {}, el("a", { href: address, class: className, "aria-current": location.hash === address ? "page" : false }, title));
  const group = (title, entries) => (entries.length ? [el("h2", {}, title), el("ul", {}, entries)] : []);
  const functions = (kind) => project.functions.filter((each) => (each.kind === "llm") === kind && each.name.toLowerCase().includes(words)).map((each) => link(addressOf(each.name), each.name));
  const errors = project.diagnostics.some((each) => each.severity === "error");
  const [llm, others] = [functions(true), functions(false)];
  const problems = project.diagnostics.length + (project.problem === null ? 0 : 1);
  filter.hidden = project.functions.length < 10;
  replace(
    groups,
    group("Recording", project.recording ? [link("#/recording", "Exchanges")] : []),
    group("LLM functions", llm),
    group("Functions", others),
    words !== "" && llm.length + others.length === 0 ? el("p", { class: "empty" }, "No function has that in its name.") : [],
    group("Tests", project.tests.length ? [link("#/tests", `All ${project.tests.length}`)] : []),
    group("Problems", [link("#/problems", problems === 0 ? "None" : count(problems, "finding"), errors || project.problem !== null ? "bad" : null)]),
  );
}

function make({ kind, name }) {
  switch (kind) {
    case "tests":
      return testsView(project);
    case "recording":
      return project.recording ? recordingView(project) : { element: el("p", { class: "empty" }, "No recording was opened.") };
    case "problems": {
      const element = el("div", {}, problemsView(project));
      return { element, refresh: (now) => replace(element, problemsView(now)) };
    }
    case "function": {
      const fn = project.functions.find((each) => each.name === name);
      return fn && { ...functionView(fn, project, chosenTab), kind: fn.kind };
    }
  }
}

/** Open what the address says. */
function open() {
  if (project === null) return;
  const address = location.hash;
  if (address === shown) return;
  const item = parsed(address);
  const view = views.get(address) ?? make(item);
  if (view) {
    views.set(address, view);
    replace(main, view.element);
  } else {
    replace(main, el("p", { class: "empty" }, item.name ? `The program has no function ${item.name}.` : "There is no such page."));
  }
  if (shown !== null && document.activeElement !== document.body && list.contains(document.activeElement)) main.focus();
  shown = view ? address : null;
  for (const link of groups.querySelectorAll("a")) link.toggleAttribute("aria-current", false);
  const current = [...groups.querySelectorAll("a")].find((link) => link.getAttribute("href") === address);
  current?.setAttribute("aria-current", "page");
  if (current) reach(current);
  document.title = `${item.name ?? item.kind ?? "?"} – bamlvm dev`;
}

/** Scroll the list to a link; scrollIntoView would move the keyboard's place as well. */
function reach(link) {
  const [outer, inner] = [list.getBoundingClientRect(), link.getBoundingClientRect()];
  if (inner.top < outer.top || inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top - outer.height / 3;
}

window.addEventListener("hashchange", () => (location.hash.startsWith("#token=") ? location.reload() : open()));
filter.addEventListener("input", () => project && navigation());
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address is of what is open
  main.focus();
});

await authorise();
connect(load, (problem) => {
  connection = problem;
  showState();
});
