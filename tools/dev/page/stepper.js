// The steps of a call of the machine, one at a time (tools/dev/steps.py): what is executed next, and before it the
// callers, the locals and the operand stack.

import { count, el, replace, setText } from "./dom.js";
import { pretty } from "./json.js";

const MOST_CALLERS = 30;
const LONGEST_RESULT = 300;

/** Return two views of steps, `controls` and the `state` of the machine; `mark(step, fn)` hears which step is shown,
 *  `close()` that they are no longer wanted. */
export function stepper(found, mark, close) {
  const { steps } = found;
  const end = endOf(found);
  const closing = el("button", { type: "button", class: "small quiet", onclick: close }, "Close");
  const ending = el("p", { class: end.kind }, end.text);
  if (steps.length === 0) {
    const none = el("p", { class: "hint" }, "No instruction of the program itself ran.");
    return { controls: el("div", { class: "machine" }, el("div", { class: "bar" }, ending, closing), none), state: null };
  }
  let at = 0;
  const slider = el("input", { type: "range", min: "1", max: String(steps.length), value: "1", "aria-label": "Step", oninput: () => go(Number(slider.value) - 1) });
  const place = el("output", { class: "hint" });
  const instruction = el("code", { class: "instruction" });
  const lines = el("input", { type: "checkbox", id: "whole-lines" });
  const callers = el("ol", { class: "plain", "aria-label": "Calls, innermost first" });
  const locals = el("dl", { class: "locals" });
  const stack = el("ol", { class: "stack", "aria-label": "The operand stack, top first" });
  const hasThreads = steps.some((step) => step.thread !== 0);

  function go(to) {
    at = to;
    const step = steps[at];
    const fn = found.functions[step.function];
    slider.value = String(at + 1);
    setText(place, `step ${at + 1} of ${steps.length}`);
    setText(instruction, `${step.place}  ${fn.instructions[step.place]}`);
    replace(callers, callersOf(step, fn));
    replace(locals, localsOf(step));
    const below = step.height - step.stack.length;
    replace(
      stack,
      step.stack.length === 0 ? el("li", { class: "hint" }, "empty") : step.stack.map((value) => el("li", {}, found.texts[value])).reverse(),
      below > 0 ? el("li", { class: "hint" }, `and ${below} below`) : null,
    );
    mark(step, fn);
  }

  function callersOf(step, fn) {
    const thread = hasThreads ? el("span", { class: "hint" }, step.thread === 0 ? " main thread" : ` thread ${step.thread}`) : null;
    const shown = [el("li", {}, `${fn.name}:${step.line}`, thread)];
    let left = 0;
    for (let number = step.calls; number !== -1; number = found.calls[number].calls) {
      const call = found.calls[number];
      if (shown.length <= MOST_CALLERS) shown.push(el("li", {}, `${call.function}:${call.line}`));
      else left += 1;
    }
    if (left > 0) shown.push(el("li", { class: "hint" }, `and ${left} more`));
    return shown;
  }

  function localsOf(step) {
    const before = new Map(lastOfFrame(step)?.locals);
    const rows = step.locals.flatMap(([name, value]) => {
      const changed = before.get(name) !== value;
      return [el("dt", {}, name), el("dd", { class: changed ? "changed" : null, title: changed ? "changed by the last step in this function" : null }, found.texts[value])];
    });
    return rows.length ? rows : el("div", { class: "hint" }, el("dt", {}, "none"), el("dd", {}));
  }

  /** The step before this one in the same call. */
  function lastOfFrame(step) {
    for (let index = at - 1; index >= 0; index -= 1) {
      const each = steps[index];
      if (each.thread !== step.thread || each.depth > step.depth) continue;
      return each.depth === step.depth && each.function === step.function ? each : null;
    }
    return null;
  }

  // Where each button goes: an index of a step, or -1.
  const now = () => steps[at];
  const next = (fits) => steps.findIndex((step, index) => index > at && fits(step));
  const isElsewhere = (step, from) => step.line !== from.line || step.function !== from.function || step.depth !== from.depth || step.thread !== from.thread;
  const isNew = (step) => !lines.checked || isElsewhere(step, now());
  function back() {
    if (!lines.checked || at === 0) return at - 1;
    return firstOfLine(isElsewhere(steps[at - 1], now()) ? at - 1 : at); // first to where this line began
  }
  function firstOfLine(index) {
    while (index > 0 && !isElsewhere(steps[index - 1], steps[index])) index -= 1;
    return index;
  }
  const into = () => next(isNew);
  function over() {
    const from = now();
    const to = next((step) => step.thread === from.thread && step.depth <= from.depth && isNew(step));
    return to === -1 ? into() : to; // its thread has ended: on in another one
  }
  function out() {
    const from = now();
    return next((step) => step.thread === from.thread && step.depth < from.depth);
  }
  const button = (title, text, target) => {
    const move = () => {
      const to = target();
      if (to >= 0) go(to);
      else if (target !== back) go(steps.length - 1);
    };
    return el("button", { type: "button", class: "small", title, onclick: move }, text);
  };

  go(0);
  const controls = el(
    "div",
    { class: "machine" },
    el(
      "div",
      { class: "bar", role: "group", "aria-label": "Steps" },
      button("One step back", "◀ Back", back),
      button("One step on, into what it calls", "Into", into),
      button("One step on in this function", "Over ▶", over),
      button("To where this function was called", "Out", out),
      el("label", { class: "choice", for: "whole-lines" }, lines, " whole lines"),
      closing,
    ),
    el("div", { class: "bar" }, slider, place),
    el("p", { class: "next" }, el("span", { class: "hint" }, "Next "), instruction),
    ending,
  );
  const part = (title, content) => el("div", {}, el("h4", {}, title), content);
  const state = el("section", { class: "state-of", "aria-label": "The machine" }, part("Locals", locals), part("Operand stack", stack), part("Calls", callers));
  return { controls, state };
}

function endOf(found) {
  if (!found.is_complete) return { text: `The call was ended after ${count(found.steps.length, "step")}.`, kind: "hint" };
  if (found.error) return { text: found.error, kind: "error" };
  const value = found.value.length > LONGEST_RESULT ? `${found.value.slice(0, LONGEST_RESULT)}…` : found.value.startsWith('"') ? found.value : pretty(found.value);
  return { text: `It returned ${value}.`, kind: "hint" };
}
