// A run: partial values as they grow, the attempts on a time line, raw events, the result; and scrubbing through them.
// It is drawn at most once a frame, and less often where drawing takes long: the newest state, however many events that
// took.

import { reason } from "./api.js";
import { block, copyButton, count, el, replace, seconds, setText, shortened, tabs } from "./dom.js";
import { Happened } from "./happened.js";
import { pretty } from "./json.js";
import { timeline } from "./timeline.js";
import { begin } from "./works.js";

const SHOWN_EVENTS = 500;
const MOST_OF_THE_TIME = 3; // after a drawing, as many times as long as it took is for other things

/** Return a view that runs what `asked()` describes: `{ element, start, close }`. */
export function runView(asked, { label = "Run", path = "/api/run" } = {}) {
  let run = null; // { happened, work, at, of }: `at` is how many events are shown, null for all; the function
  const value = block("The value");
  const state = el("p", { class: "state", role: "status" }, "Not run yet.");
  const attempts = el("div", { class: "attempts" });
  const raw = block("The events");
  const note = el("p", { class: "hint" });
  const slider = el("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "Scrub through the events", disabled: true, oninput: scrub });
  const place = el("output", { class: "hint" });
  const button = el("button", { type: "button", class: "main", onclick: () => (isRunning() ? run.work.cancel() : start()) }, label);

  const isRunning = () => run !== null && run.happened.ended === null;

  function start() {
    if (isRunning()) return;
    const mine = (run = { happened: new Happened(), work: null, at: null });
    const tell = (event) => {
      mine.happened.add(event);
      if (mine === run) draw();
    };
    try {
      const body = asked();
      mine.of = body.function;
      mine.work = begin(path, body, tell);
    } catch (error) {
      tell({ name: "error", data: { message: reason(error) } }); // the form has something that cannot be sent
    }
    slider.disabled = true;
    drawNow();
  }

  function scrub() {
    run.at = Number(slider.value);
    draw();
  }

  let planned = false;
  let free = 0; // when the next drawing may be
  function draw() {
    if (planned) return;
    planned = true;
    setTimeout(() => requestAnimationFrame(drawNow), Math.max(0, free - performance.now()));
  }

  function drawNow() {
    planned = false;
    const began = performance.now();
    show(run);
    const now = performance.now();
    free = now + MOST_OF_THE_TIME * (now - began);
  }

  function show({ happened, at, of }) {
    const running = happened.ended === null;
    const until = at ?? happened.length;
    const isWhole = until === happened.length;
    replace(button, running ? "Cancel" : label);
    button.classList.toggle("stop", running);
    slider.disabled = running || happened.length === 0;
    slider.max = String(happened.length);
    slider.value = String(until);
    const text = happened.text(until);
    follow(value, text === "" ? "" : shortened(pretty(text)));
    value.classList.toggle("running", running);
    const shown = isWhole || running ? summary(happened) : { text: "an earlier moment of the run", kind: "" };
    setText(state, shown.text);
    state.className = `state ${shown.kind}`;
    setText(note, text !== "" && isWhole && !running && happened.ended.name !== "final" ? "the last partial value" : "");
    if (!attempts.closest("[hidden]")) replace(attempts, timeline(happened.attemptsUntil(until), happened.times[until - 1] ?? 0, of));
    if (!raw.closest("[hidden]")) follow(raw, shortened(rawText(happened, until)));
    setText(place, running ? count(happened.length, "event") : `event ${until} of ${happened.length}, ${seconds(happened.times[until - 1])}`);
  }

  const wholeText = () => (run === null ? "" : textOf(run.happened.text(run.at ?? run.happened.length)));
  const views = tabs("What the run did", [
    { id: "value", title: "Value", view: () => el("div", {}, note, el("div", { class: "copied" }, copyButton(wholeText, "the value"), value)) },
    { id: "attempts", title: "Attempts", view: () => attempts },
    { id: "raw", title: "Raw events", view: () => raw },
  ], "value", () => run && draw());
  return {
    element: el("section", {}, el("div", { class: "bar" }, button, slider, place), state, views.element),
    start,
    close: () => isRunning() && run.work.cancel(),
  };
}

/** Set a block's text; one that shows its end goes on showing it. */
function follow(element, text) {
  const isAtEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - 4;
  setText(element, text);
  if (isAtEnd) element.scrollTop = element.scrollHeight;
}

function textOf(text) {
  return text === "" ? "" : pretty(text);
}

function summary({ ended }) {
  if (ended === null) return { text: "running…", kind: "" };
  const { data } = ended;
  const { usage } = data;
  const tokens = usage && (usage.input_tokens || usage.output_tokens) ? `, ${usage.input_tokens?.toLocaleString("en") ?? "?"} tokens in, ${usage.output_tokens?.toLocaleString("en") ?? "?"} out` : "";
  const cost = usage?.cost ? `, ${usage.cost} ${usage.currency ?? ""}` : "";
  const after = data.at === undefined ? "" : ` after ${seconds(data.at)}`;
  if (ended.name === "final") return { text: `done in ${seconds(data.at)}${tokens}${cost}`, kind: "good" };
  if (ended.name === "cancelled") return { text: `cancelled${after}${tokens}${cost}`, kind: "" };
  const thrown = data.error === "thrown" && data.value !== undefined ? `threw ${textOf(data.value)}` : data.message;
  const trace = (data.trace ?? []).map((line) => `\n  ${line}`).join("");
  return { text: `${data.class_name ? `${data.class_name}: ` : ""}${thrown}${tokens}${cost}${trace}`, kind: "error" };
}

function rawText(happened, until) {
  const lines = happened.raw(until, SHOWN_EVENTS).map(({ seconds: at, text }) => `${seconds(at)}  ${text}`);
  return lines.join("\n\n");
}
