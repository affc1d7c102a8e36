// The attempts of a run: each with its times, drawn on the time of the whole run, and what it sent and got.

import { block, el, seconds, shortened } from "./dom.js";

const TITLES = ["#", "client", "status", "connect", "first byte", "first partial", "end", "tokens"];
const SVG = "http://www.w3.org/2000/svg";
const opened = new Set(); // the parts of attempts that are unfolded stay so while the run is drawn anew

/** Return the table of attempts; `end` is the time of the whole run so far, `of` the function that was called. */
export function timeline(attempts, end, of) {
  if (attempts.length === 0) return el("p", { class: "empty" }, "No attempt at an LLM client.");
  return el(
    "table",
    { class: "attempts" },
    el("thead", {}, el("tr", {}, TITLES.map((title, at) => el("th", { scope: "col", class: at > 2 ? "number" : false }, title)))),
    el("tbody", {}, attempts.flatMap((each) => rows(each, end, of))),
  );
}

function rows(each, end, of) {
  const failed = each.kind === "failed";
  const state = failed ? "failed" : each.kind === "succeeded" ? (each.finish_reason ?? "done") : "running";
  const hasTokens = each.input_tokens !== null || each.output_tokens !== null;
  const tokens = hasTokens ? `${each.input_tokens ?? "?"} + ${each.output_tokens ?? "?"}` : "";
  const cells = [
    el("th", { scope: "row" }, String(each.ordinal)),
    el("td", {}, each.client, el("div", { class: "hint" }, [each.function === of ? null : each.function, each.model, each.cached ? "from the cache" : null].filter(Boolean).join(", "))),
    el("td", { class: failed ? "bad" : each.kind === "succeeded" ? "good" : "" }, `${each.status ?? ""} ${state}`),
    ...[each.connect === null && each.first_byte !== null ? "kept" : seconds(each.connect), seconds(each.first_byte), seconds(each.first_partial), seconds(each.duration), tokens].map((text, at) => el("td", { class: "number", "data-title": TITLES[at + 3] }, text)),
  ];
  const more = el(
    "td",
    { colspan: String(TITLES.length) },
    track(each, end),
    failed ? el("div", { class: "error" }, each.error?.message ?? "") : null,
    folded(`${each.ordinal} request`, "Request", each.request),
    folded(`${each.ordinal} answer`, "Answer", each.text),
    folded(`${each.ordinal} reasoning`, "Reasoning", each.reasoning),
  );
  return [el("tr", { class: "attempt" }, cells), el("tr", { class: "more" }, more)];
}

function folded(key, title, text) {
  if (!text) return null;
  const ontoggle = (event) => (event.target.open ? opened.add(key) : opened.delete(key));
  return el("details", { open: opened.has(key), ontoggle }, el("summary", {}, title), block(title, null, shortened(text)));
}

function track(attempt, end) {
  const svg = document.createElementNS(SVG, "svg");
  const scale = 100 / Math.max(end, 1e-6);
  const finish = attempt.duration === null ? end : attempt.begin + attempt.duration;
  const byte = attempt.first_byte === null ? finish : attempt.begin + attempt.first_byte;
  set(svg, { class: "track", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  const part = (kind, from, to) => {
    if (to <= from && kind === "connect") return;
    const rect = document.createElementNS(SVG, "rect");
    const width = Math.max(0.4, (to - from) * scale);
    set(rect, { class: kind, x: Math.min(from * scale, 100 - width), width, y: 1, height: 8 });
    svg.append(rect);
  };
  part("whole", 0, end);
  const connected = attempt.connect === null ? attempt.begin : Math.min(byte, attempt.begin + attempt.connect);
  part("connect", attempt.begin, connected);
  part("wait", connected, byte);
  part(attempt.kind === "failed" ? "failed" : "read", byte, finish);
  if (attempt.first_partial !== null) {
    const mark = document.createElementNS(SVG, "line");
    const at = (attempt.begin + attempt.first_partial) * scale;
    set(mark, { class: "mark", x1: at, x2: at, y1: 0, y2: 10, "vector-effect": "non-scaling-stroke" });
    svg.append(mark);
  }
  return svg;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
}
