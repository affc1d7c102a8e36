// The inside of a function: each stage of its compilation beside its source, and the machine step by step.

import { Failure, get, post } from "./api.js";
import { el, replace, shortened } from "./dom.js";

export function insideView(fn, stages, asked) {
  const source = el("pre", { class: "source", role: "group", tabindex: "0", "aria-label": "Source" });
  const text = el("pre", { role: "group", tabindex: "0", "aria-label": "The stage" });
  const select = el("select", { id: "stage", onchange: () => show(select.value) }, stages.map((stage) => el("option", { value: stage }, stage)));
  select.value = "bytecode";
  const problem = el("p", { class: "error", role: "alert" });
  const machine = el("div", {});
  const button = el("button", { type: "button", onclick: step }, "Step through a call");
  let lines = [];

  async function show(stage) {
    try {
      replace(text, shortened((await get("/api/stage", { function: fn.name, stage })).text));
      replace(problem, "");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      replace(problem, error.message);
    }
  }

  async function step() {
    button.disabled = true;
    try {
      replace(machine, stepper(await post("/api/steps", asked()), mark));
      replace(problem, "");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      replace(problem, error.message);
    }
    button.disabled = false;
  }

  function mark(step) {
    for (const line of lines) line.classList.remove("now");
    if (step.file !== fn.file) return;
    lines[step.line - 1]?.classList.add("now");
    reach(lines[step.line - 1]);
  }

  /** Scroll the source alone, not the page with it. */
  function reach(line) {
    if (line === undefined) return;
    const top = line.offsetTop - source.offsetTop;
    if (top < source.scrollTop || top > source.scrollTop + source.clientHeight - 40) source.scrollTop = top - source.clientHeight / 2;
  }

  get("/api/source", { file: fn.file }).then(
    (found) => {
      lines = found.text.split("\n").map((line) => el("span", {}, line || " "));
      replace(source, lines);
      reach(lines[fn.line - 1]);
    },
    (error) => replace(problem, error.message),
  );
  show(select.value);
  return el("section", {}, el("div", { class: "bar" }, el("label", { for: "stage" }, "Stage"), select, button), problem, machine, el("div", { class: "two" }, source, text));
}

function stepper(found, mark) {
  const slider = el("input", { type: "range", min: "0", max: String(Math.max(0, found.steps.length - 1)), value: "0", "aria-label": "Step", oninput: () => show() });
  const place = el("code", {});
  const stack = el("ol", { class: "stack", "aria-label": "The operand stack, top first" });
  const move = (by) => {
    slider.value = String(Number(slider.value) + by);
    show();
  };
  function show() {
    const step = found.steps[Number(slider.value)];
    if (step === undefined) return;
    replace(place, `${Number(slider.value) + 1} of ${found.steps.length}  ${"  ".repeat(Math.min(20, step.depth - 1))}${step.function} ${step.place}: ${step.instruction}`);
    replace(stack, step.stack.map((value) => el("li", {}, value)).reverse());
    mark(step);
  }
  const end = !found.is_complete
    ? `The call was ended after ${found.steps.length.toLocaleString()} steps.`
    : found.error
      ? found.error
      : `It returned ${JSON.stringify(found.value)}.`;
  show();
  return el(
    "div",
    {},
    el("div", { class: "bar" }, el("button", { type: "button", class: "small", "aria-label": "Step back", onclick: () => move(-1) }, "◀"), slider, el("button", { type: "button", class: "small", "aria-label": "Step forward", onclick: () => move(1) }, "▶")),
    el("p", {}, place),
    el("h3", {}, "Stack"),
    stack,
    el("p", { class: found.error ? "error" : "hint" }, end),
  );
}
