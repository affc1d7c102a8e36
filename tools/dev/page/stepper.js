// The steps of a call of the machine, one at a time: the instruction, and the operand stack before it.

import { count, el, replace, setText } from "./dom.js";
import { pretty } from "./json.js";

/** Return a view of steps; `mark(step)` hears which one is shown. */
export function stepper(found, mark) {
  const { steps } = found;
  const end = endOf(found);
  if (steps.length === 0) return el("p", { class: end.kind }, found.error ? end.text : `${end.text} No instruction of the program itself ran.`);
  const slider = el("input", { type: "range", min: "1", max: String(steps.length), value: "1", "aria-label": "Step", oninput: show });
  const place = el("output", { class: "hint" });
  const where = el("code", {});
  const instruction = el("code", { class: "instruction" });
  const stack = el("ol", { class: "stack", "aria-label": "The operand stack, top first" });
  const move = (by) => {
    slider.value = String(Number(slider.value) + by);
    show();
  };
  function show() {
    const step = steps[Number(slider.value) - 1];
    setText(place, `step ${slider.value} of ${steps.length}`);
    setText(where, `${step.function}:${step.line}, depth ${step.depth}`);
    setText(instruction, `${step.place}  ${step.instruction}`);
    const below = step.height - step.stack.length;
    replace(
      stack,
      step.stack.length === 0 ? el("li", { class: "hint" }, "empty") : step.stack.map((value) => el("li", {}, value)).reverse(),
      below > 0 ? el("li", { class: "hint" }, `and ${below} below`) : null,
    );
    mark(step);
  }
  const button = (label, text, by) => el("button", { type: "button", class: "small", "aria-label": label, onclick: () => move(by) }, text);
  show();
  return el(
    "div",
    { class: "machine" },
    el("div", { class: "bar" }, button("Step back", "◀", -1), slider, button("Step forward", "▶", 1), place),
    el("dl", {}, el("dt", {}, "In"), el("dd", {}, where), el("dt", {}, "Next"), el("dd", {}, instruction), el("dt", {}, "Stack"), el("dd", {}, stack)),
    el("p", { class: end.kind }, end.text),
  );
}

function endOf(found) {
  if (!found.is_complete) return { text: `The call was ended after ${count(found.steps.length, "step")}.`, kind: "hint" };
  if (found.error) return { text: found.error, kind: "error" };
  const value = found.value.length > 2000 ? `${found.value.slice(0, 2000)}…` : found.value.startsWith('"') ? found.value : pretty(found.value);
  return { text: `It returned ${value}.`, kind: "hint" };
}
