// The inside of a function: each stage of its compilation beside its source, and the machine step by step.  Besides the
// function that is open, any other can be looked at, those of the standard library too.

import { get, post, reason, wasAborted } from "./api.js";
import { block, el, replace, setText, shortened } from "./dom.js";
import { stepper } from "./stepper.js";

/** Return a view of the inside of the function `name`; `refresh()` is for when the program has changed. */
export function insideView(name, project, asked) {
  const source = block("Source", "source");
  const text = block("The stage");
  const problem = el("p", { class: "error", role: "alert" });
  const machine = el("div", {});
  const file = el("p", { class: "hint" });
  const stage = el("select", { id: "stage", onchange: show }, project.stages.map((each) => el("option", { value: each }, each)));
  const shown = el("input", { id: "shown", list: "all-functions", value: name, onchange: show, spellcheck: "false", autocomplete: "off" });
  const names = el("datalist", { id: "all-functions" });
  let known = new Set();
  const button = el("button", { type: "button", onclick: step }, "Step through a call");
  const sources = new Map(); // by function, of this version of the program
  let question = new AbortController();
  let walk = null;
  let lines = [];
  stage.value = "bytecode";

  function note(now) {
    known = new Set([...now.functions.map((each) => each.name), ...now.library]);
    replace(names, [...known].map((each) => el("option", { value: each })));
  }

  /** Show a function's source and stage. */
  async function show() {
    question.abort();
    const mine = (question = new AbortController());
    const of = shown.value.trim();
    if (!known.has(of)) {
      setText(problem, `The program has no function ${of}.`);
      return;
    }
    try {
      const [found, made] = await Promise.all([sourceOf(of, mine.signal), get("/api/stage", { function: of, stage: stage.value }, mine.signal)]);
      if (mine !== question) return;
      setText(text, shortened(made.text));
      draw(found);
      reach(found.line);
      setText(problem, "");
    } catch (error) {
      if (!wasAborted(error) && mine === question) setText(problem, reason(error));
    }
  }

  async function sourceOf(of, signal = undefined) {
    if (!sources.has(of)) sources.set(of, await get("/api/source", { function: of }, signal));
    return sources.get(of);
  }

  function draw(found) {
    if (file.textContent !== found.file || source.dataset.text !== found.text.length.toString()) {
      lines = found.text.split("\n").map((line) => el("span", {}, line || " "));
      replace(source, lines);
    }
    setText(file, found.file);
    source.dataset.text = found.text.length.toString();
  }

  async function step() {
    button.disabled = true;
    const mine = (walk = new AbortController());
    replace(machine, el("p", { class: "hint" }, "calling… ", el("button", { type: "button", class: "small", onclick: () => mine.abort() }, "Cancel")));
    try {
      const found = await post("/api/steps", asked(), mine.signal);
      replace(machine, stepper(found, mark));
      setText(problem, "");
    } catch (error) {
      replace(machine);
      if (!wasAborted(error)) setText(problem, reason(error));
    }
    button.disabled = false;
  }

  /** Mark the line of a step, in whatever file it is. */
  async function mark(each) {
    if (each.file !== file.textContent) {
      try {
        draw(await sourceOf(each.function));
      } catch {
        return; // a function of an older version
      }
    }
    for (const line of lines) line.classList.remove("now");
    lines[each.line - 1]?.classList.add("now");
    reach(each.line);
  }

  /** Scroll the source alone, not the page with it. */
  function reach(number) {
    const line = lines[number - 1];
    if (line === undefined) return;
    const top = line.offsetTop - source.offsetTop;
    if (top < source.scrollTop || top > source.scrollTop + source.clientHeight - 40) source.scrollTop = top - source.clientHeight / 3;
  }

  note(project);
  show();
  return {
    element: el(
      "section",
      {},
      el("div", { class: "bar" }, el("label", { for: "shown" }, "Function"), shown, names, el("label", { for: "stage" }, "Stage"), stage, button),
      problem,
      machine,
      el("div", { class: "two" }, el("div", {}, file, source), el("div", {}, el("p", { class: "hint" }, "what the stage makes of it"), text)),
    ),
    refresh(now) {
      note(now);
      sources.clear();
      show();
    },
    close: () => walk?.abort(),
  };
}
