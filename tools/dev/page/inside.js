// The inside of a function: each stage of its compilation beside its source, and the machine step by step.  Besides the
// function that is open, any other can be looked at, those of the standard library too.

import { get, post, reason, wasAborted } from "./api.js";
import { block, el, replace, setText, shortened } from "./dom.js";
import { stepper } from "./stepper.js";

const STAGE = "what the stage makes of it";
const instructionsOf = (fn) => `the instructions of ${fn.name}`;

/** Return a view of the inside of the function `name`; `refresh()` is for when the program has changed. */
export function insideView(name, project, asked) {
  const source = block("Source", "source");
  const text = block("The stage");
  const problem = el("p", { class: "error", role: "alert" });
  const machine = el("div", {});
  const below = el("div", {});
  const file = el("p", { class: "hint" });
  const heading = el("p", { class: "hint" }, STAGE);
  const stage = el("select", { id: "stage", onchange: show }, project.stages.map((each) => el("option", { value: each }, each)));
  const shown = el("input", { id: "shown", list: "all-functions", value: name, onchange: show, spellcheck: "false", autocomplete: "off" });
  const names = el("datalist", { id: "all-functions" });
  const blocks = el("div", { class: "two" }, el("div", {}, file, source), el("div", {}, heading, text));
  let known = new Set();
  const button = el("button", { type: "button", onclick: step }, "Step through a call");
  const sources = new Map(); // by function, of this version of the program
  let question = new AbortController();
  let walk = null;
  let isWalking = false; // a call is stepped through: the blocks show where it is
  let shownFile = null; // what the source block shows
  let lines = [];
  let instructions = [];
  let marked = []; // of these
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
      setText(heading, STAGE);
      text.setAttribute("aria-label", "The stage");
      text.className = "";
      setText(text, shortened(made.text));
      draw(found.file, found.text);
      reach(source, lines[found.line - 1]);
      setText(problem, "");
    } catch (error) {
      if (!wasAborted(error) && mine === question) setText(problem, reason(error));
    }
  }

  async function sourceOf(of, signal = undefined) {
    if (!sources.has(of)) sources.set(of, await get("/api/source", { function: of }, signal));
    return sources.get(of);
  }

  function draw(path, content) {
    if (path !== file.textContent || content !== shownFile) lines = numbered(source, content.split("\n"));
    setText(file, path);
    shownFile = content;
  }

  function numbered(holder, content) {
    const made = content.map((line) => el("span", {}, line || " "));
    replace(holder, made);
    return made;
  }

  async function step() {
    leave();
    button.disabled = true;
    const mine = (walk = new AbortController());
    replace(machine, el("p", { class: "hint" }, "calling… ", el("button", { type: "button", class: "small", onclick: () => mine.abort() }, "Cancel")));
    try {
      const found = await post("/api/steps", asked(), mine.signal);
      question.abort();
      isWalking = true;
      blocks.classList.add("walking");
      const { controls, state } = stepper(found, (each, fn) => mark(each, fn, found.files[fn.file]), close);
      replace(machine, controls);
      replace(below, state);
      setText(problem, "");
    } catch (error) {
      leave();
      if (!wasAborted(error)) setText(problem, reason(error));
    }
    button.disabled = false;
  }

  /** Mark the line and the instruction of a step, in whatever function it is. */
  function mark(each, fn, content) {
    draw(fn.file, content);
    if (heading.textContent !== instructionsOf(fn)) {
      setText(heading, instructionsOf(fn));
      text.setAttribute("aria-label", "The instructions");
      text.className = "source instructions";
      instructions = numbered(text, fn.instructions.slice(0, -1));
    }
    unmark();
    marked = [lines[each.line - 1], instructions[each.place]];
    for (const line of marked) line?.classList.add("now");
    reach(source, marked[0]);
    reach(text, marked[1]);
  }

  function close() {
    leave();
    button.focus();
  }

  /** Step through nothing any more. */
  function leave() {
    replace(machine);
    replace(below);
    if (!isWalking) return;
    isWalking = false;
    blocks.classList.remove("walking");
    unmark();
    show();
  }

  function unmark() {
    for (const line of marked) line?.classList.remove("now");
    marked = [];
  }

  /** Scroll a block alone, not the page with it. */
  function reach(holder, line) {
    if (line === undefined) return;
    const top = line.offsetTop - holder.offsetTop;
    if (top < holder.scrollTop || top > holder.scrollTop + holder.clientHeight - 40) holder.scrollTop = top - holder.clientHeight / 3;
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
      blocks,
      below,
    ),
    refresh(now) {
      note(now);
      sources.clear();
      if (isWalking) setText(problem, "The program has changed since this call.");
      else show();
    },
    close: () => walk?.abort(),
  };
}
