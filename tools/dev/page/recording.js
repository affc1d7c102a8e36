// A recording: its exchanges with their pieces by time, and its call run again from it.

import { el, replace, seconds, shortened } from "./dom.js";
import { runView } from "./run.js";

export function recordingView(recording, functions) {
  const known = recording.calls.filter((call) => functions.some((each) => each.name === call.function) && call.args !== null);
  return el(
    "section",
    {},
    el("h2", {}, "Recording"),
    el("p", { class: "hint" }, recording.path),
    known.slice(0, 1).map((call) =>
      el("div", {}, el("h3", {}, `${call.function}, run again from the recording`), runView(() => ({ function: call.function, args: call.args }), { label: "Replay", replay: true }).element),
    ),
    recording.exchanges.map(exchange),
  );
}

function exchange(each, number) {
  const body = el("pre", { role: "group", tabindex: "0", "aria-label": "The answer so far" });
  const at = el("output", { class: "hint" });
  const slider = el("input", { type: "range", min: "0", max: String(each.chunks.length), value: String(each.chunks.length), "aria-label": "Scrub through the pieces of the answer", oninput: () => show() });
  function show() {
    const until = Number(slider.value);
    replace(body, shortened(each.chunks.slice(0, until).map((chunk) => chunk.text).join("")));
    replace(at, until === 0 ? "nothing yet" : `${until} of ${each.chunks.length} pieces, ${seconds(each.chunks[until - 1].at)}`);
  }
  show();
  const bad = each.error !== null || each.end !== "complete" || (each.status ?? 0) >= 400;
  return el(
    "details",
    { open: number === 0 },
    el("summary", {}, el("span", { class: bad ? "bad" : "good" }, String(each.status ?? "no answer")), ` ${each.method} ${each.url}, ${seconds(each.seconds)}, ${each.end}${each.error ? `: ${each.error}` : ""}`),
    el("h3", {}, "Request"),
    el("pre", { tabindex: "0" }, shortened(formatted(each.request))),
    el("h3", {}, "Answer"),
    el("div", { class: "bar" }, slider, at),
    body,
  );
}

function formatted(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
