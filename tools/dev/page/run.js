// A run: partial values as they grow, the attempts on a time line, raw events, the result; and scrubbing through them.
//
// Events are kept as they came (a partial value as its difference to the one before), and drawn at most once a frame:
// the newest state, however many events it took.

import { Failure, events } from "./api.js";
import { el, pretty, replace, seconds, shortened, tabs } from "./dom.js";

const KEYFRAME = 50; // partial values between two that are kept whole
const SHOWN_EVENTS = 500;

/** Return a view that runs what `asked()` describes. */
export function runView(asked, { label = "Run", replay = false } = {}) {
  let run = null;
  const value = el("pre", { role: "group", tabindex: "0", "aria-label": "The value" });
  const state = el("p", { class: "hint", role: "status" });
  const attempts = el("tbody", {});
  const raw = el("pre", { role: "group", tabindex: "0", "aria-label": "The events" });
  const slider = el("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "Scrub through the events", disabled: true, oninput: () => { run.at = Number(slider.value); draw(); } });
  const place = el("output", { class: "hint" });
  const button = el("button", { type: "button", class: "main", onclick: () => (run?.running ? run.stop() : start()) }, label);

  async function start() {
    const stop = new AbortController();
    run = { events: [], frames: [], text: "", running: true, at: null, stop: () => stop.abort(), ended: null };
    const mine = run;
    replace(button, "Cancel");
    slider.disabled = true;
    draw();
    try {
      for await (const event of events("/api/run", { ...asked(), replay }, stop.signal)) add(mine, event);
    } catch (error) {
      if (error.name === "AbortError") mine.ended = { name: "cancelled", data: {} };
      else if (error instanceof Failure) mine.ended = { name: "error", data: { message: error.message } };
      else mine.ended = { name: "error", data: { message: `the connection to bamlvm dev is lost (${error.message})` } };
    }
    mine.running = false;
    if (mine !== run) return;
    replace(button, label);
    slider.max = String(mine.events.length);
    slider.value = slider.max;
    slider.disabled = mine.events.length === 0;
    draw();
  }

  function add(mine, event) {
    if (event.name === "partial") {
      mine.text = mine.text.slice(0, event.data.keep) + event.data.add;
      if (mine.frames.length === 0 || mine.events.length - mine.frames.at(-1).at >= KEYFRAME) {
        mine.frames.push({ at: mine.events.length, text: mine.text });
      }
    } else if (event.name === "final" || event.name === "error") {
      mine.ended = event;
    }
    mine.events.push(event);
    if (mine === run) draw();
  }

  let drawing = false;
  function draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      show(run);
    });
  }

  function show(mine) {
    const until = mine.at === null || mine.at >= mine.events.length ? mine.events.length : mine.at;
    const whole = until === mine.events.length;
    const final = whole && mine.ended?.name === "final" ? mine.ended : null;
    const text = final ? pretty(final.data.value) : partialText(mine, until);
    replace(value, shortened(text));
    value.classList.toggle("running", mine.running);
    replace(state, ...summary(mine, whole));
    state.className = whole && mine.ended?.name === "error" ? "error" : "hint";
    replace(attempts, timeline(mine.events.slice(0, until)));
    if (!raw.closest("[hidden]")) replace(raw, shortened(rawText(mine.events, until)));
    replace(place, mine.running ? `${mine.events.length} events` : `event ${until} of ${mine.events.length}, ${seconds(mine.events[until - 1]?.data.at)}`);
  }

  const table = el(
    "table",
    {},
    el("thead", {}, el("tr", {}, ["#", "client", "status", "first byte", "first partial", "end", "tokens"].map((title, at) => el("th", { scope: "col", class: at > 2 ? "number" : false }, title)))),
    attempts,
  );
  return {
    element: el(
      "section",
      {},
      el("div", { class: "bar" }, button, slider, place),
      state,
      tabs("What the run did", [
        { id: "value", title: "Value", view: () => value },
        { id: "attempts", title: "Attempts", view: () => table },
        { id: "raw", title: "Raw events", view: () => raw },
      ], "value", () => run && draw()),
    ),
    start,
  };
}

/** Return the newest partial value among the first `until` events, as text. */
function partialText(mine, until) {
  if (until === mine.events.length) return plain(mine.text);
  let frame = { at: -1, text: "" };
  for (const each of mine.frames) if (each.at < until) frame = each;
  let text = frame.text;
  for (const event of mine.events.slice(frame.at + 1, until)) {
    if (event.name === "partial") text = text.slice(0, event.data.keep) + event.data.add;
  }
  return plain(text);
}

function plain(text) {
  return text === "" ? "" : pretty(JSON.parse(text));
}

function summary(mine, whole) {
  const ended = mine.ended;
  if (mine.running) return ["running…"];
  if (!whole || ended === null) return [""];
  if (ended.name === "cancelled") return ["cancelled"];
  const usage = ended.data.usage;
  const tokens = usage ? `, ${usage.input_tokens.toLocaleString()} + ${usage.output_tokens.toLocaleString()} tokens` : "";
  const cost = usage?.cost ? `, ${usage.cost} ${usage.currency ?? ""}` : "";
  if (ended.name === "final") return [`done in ${seconds(ended.data.at)}${tokens}${cost}`];
  return [`${ended.data.class_name ? `${ended.data.class_name}: ` : ""}${ended.data.message}`];
}

/** Return the rows of the attempts: each with its times, and drawn on the time of the whole run. */
function timeline(all) {
  const rows = new Map();
  let end = 0;
  for (const { name, data } of all) {
    end = Math.max(end, data.at ?? 0);
    if (name === "attempt") rows.set(data.ordinal, { begin: rows.get(data.ordinal)?.begin ?? data.at, ...data });
  }
  return [...rows.values()].flatMap((each) => {
    const failed = each.kind === "failed";
    const state = failed ? "failed" : each.kind === "succeeded" ? (each.finish_reason ?? "done") : "running";
    const tokens = each.input_tokens === null && each.output_tokens === null ? "" : `${each.input_tokens ?? 0} + ${each.output_tokens ?? 0}`;
    const cells = [
      el("th", { scope: "row" }, String(each.ordinal)),
      el("td", {}, each.client, el("div", { class: "hint" }, each.model ?? "")),
      el("td", { class: failed ? "bad" : each.kind === "succeeded" ? "good" : "" }, `${each.status ?? ""} ${state}`),
      ...[seconds(each.first_byte), seconds(each.first_partial), seconds(each.duration), tokens].map((text) => el("td", { class: "number" }, text)),
    ];
    const more = el("td", { colspan: "7" }, track(each, end), failed ? el("div", { class: "error" }, each.error?.message ?? "") : null);
    return [el("tr", { class: "attempt" }, cells), el("tr", { class: "more" }, more)];
  });
}

const SVG = "http://www.w3.org/2000/svg";

function track(attempt, end) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "track");
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const scale = 100 / Math.max(end, 1e-6);
  const finish = attempt.duration === null ? end : attempt.begin + attempt.duration;
  const byte = attempt.first_byte === null ? finish : attempt.begin + attempt.first_byte;
  const part = (kind, from, to) => {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("x", String(from * scale));
    rect.setAttribute("width", String(Math.max(0.6, (to - from) * scale)));
    rect.setAttribute("y", "2");
    rect.setAttribute("height", "6");
    svg.append(rect);
  };
  part("wait", attempt.begin, byte);
  part(attempt.kind === "failed" ? "failed" : "read", byte, finish);
  if (attempt.first_partial !== null) {
    const mark = document.createElementNS(SVG, "line");
    const at = String((attempt.begin + attempt.first_partial) * scale);
    for (const [name, value] of [["class", "mark"], ["x1", at], ["x2", at], ["y1", "0"], ["y2", "10"]]) mark.setAttribute(name, value);
    mark.setAttribute("vector-effect", "non-scaling-stroke");
    svg.append(mark);
  }
  return svg;
}

function rawText(all, until) {
  const shown = [];
  for (let at = until - 1; at >= 0 && shown.length < SHOWN_EVENTS; at -= 1) {
    const { name, data } = all[at];
    if (name === "tick") for (const event of [...data.events].reverse()) shown.push(`${seconds(data.at)}  ${typeof event === "string" ? event : (event.data ?? JSON.stringify(event))}`);
  }
  return shown.reverse().join("\n");
}
