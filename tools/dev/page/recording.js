// A recording: its exchanges with their pieces by time, and its calls run again from it.  The content of an exchange is
// asked for when it is unfolded.

import { get, reason } from "./api.js";
import { block, count, el, replace, seconds, setText, shortened } from "./dom.js";
import { pretty } from "./json.js";
import { runView } from "./run.js";

const SHOWN = 200; // exchanges that are listed at once

/** Return the view of the recording that was opened: `{ element, refresh }`. */
export function recordingView(project) {
  const loading = el("p", { class: "empty" }, "Loading…");
  const head = el("div", {}, loading);
  const replays = el("div", {});
  const listed = exchanges();
  let calls = [];
  let run = null; // { number, view }

  async function load(now) {
    try {
      const found = await get("/api/recording");
      calls = found.calls;
      offer(now);
      replace(head, el("p", { class: "hint" }, `${found.path}: ${count(found.exchanges.length, "exchange")}`), found.notes.map((note) => el("p", { class: "warn" }, note)));
      listed.show(found.exchanges);
    } catch (error) {
      replace(head, el("p", { class: "error" }, reason(error)));
    }
  }

  const canRun = ({ function: name, arguments: given }, now) => given !== null && now.functions.some((each) => each.name === name);

  /** Offer to run a call again: the first with its arguments that the program still has a function for. */
  function offer(now) {
    const number = calls.findIndex((call) => canRun(call, now));
    if (number < 0) {
      const why = calls.length === 0 ? "It holds no call that could be run again." : `Its call of ${calls[0].function} cannot be run again: ${calls[0].arguments !== null ? "the program has no such function" : "the arguments are not in it"}.`;
      replace(replays, el("p", { class: "hint" }, why));
      run = null;
      return;
    }
    if (run?.number === number) return;
    run = { number, view: runView(() => ({ call: number }), { label: "Replay", path: "/api/replay" }) };
    const given = el("details", {}, el("summary", {}, "Its arguments"), block("The arguments", null, shortened(pretty(calls[number].arguments))));
    replace(
      replays,
      el("h3", {}, `${calls[number].function}, run again from the recording`),
      given,
      run.view.element,
    );
  }

  load(project);
  return { element: el("section", {}, el("h2", {}, "Recording"), head, replays, el("h3", {}, "Exchanges"), listed.element), refresh: load };
}

/** Return a list of exchanges: `show(all)` adds those that are new, and begins anew for another recording. */
function exchanges() {
  const more = el("button", { type: "button", onclick: () => add(shown + SHOWN) }, "");
  const none = el("p", { class: "empty" }, "It has none yet.");
  const holder = el("div", { class: "exchanges" }, more);
  let all = [];
  let shown = 0;
  let known = "";
  function add(until) {
    const next = all.slice(shown, until).map((each, at) => exchange(each, shown + at));
    more.before(...next);
    shown += next.length;
    known = JSON.stringify(all.slice(0, shown));
    more.hidden = shown === all.length;
    none.hidden = shown > 0;
    setText(more, `Show more of the ${all.length - shown} others`);
  }
  function show(now) {
    all = now;
    if (JSON.stringify(all.slice(0, shown)) !== known) {
      replace(holder, more);
      shown = 0;
    }
    add(Math.max(shown, SHOWN));
  }
  return { element: el("div", {}, none, holder), show };
}

function exchange(each, number) {
  const bad = each.error !== null || each.end === "error" || (each.status ?? 600) >= 400;
  const content = el("div", {});
  const element = el(
    "details",
    { open: number === 0, ontoggle: load },
    el("summary", {}, el("span", { class: bad ? "bad" : "good" }, String(each.status ?? "no answer")), ` ${each.method} ${each.url} `, el("span", { class: "hint" }, `${seconds(each.seconds)}, ${each.end === "left" ? "left by its reader" : each.end}, ${count(each.pieces, "piece")}${each.error ? `: ${each.error}` : ""}`)),
    content,
  );
  let asked = false;
  async function load() {
    if (asked || !element.open) return;
    asked = true;
    try {
      replace(content, contentOf(await get("/api/exchange", { number }), each.pieces));
    } catch (error) {
      asked = false;
      replace(content, el("p", { class: "error" }, reason(error)));
    }
  }
  load();
  return element;
}

function contentOf({ request, request_headers, headers, pieces }, chunks) {
  const body = block("The answer so far");
  const at = el("output", { class: "hint" });
  const slider = el("input", { type: "range", min: "0", max: String(pieces.length), value: String(pieces.length), disabled: pieces.length === 0, "aria-label": "Scrub through the pieces of the answer", oninput: show });
  function show() {
    const until = Number(slider.value);
    const text = pieces.slice(0, until).map((piece) => piece.text).join("");
    setText(body, shortened(until === pieces.length ? formatted(text) : text));
    setText(at, until === 0 ? "nothing yet" : `${pieces[until - 1].chunks} of ${count(chunks, "piece")}, ${seconds(pieces[until - 1].at)}`);
  }
  show();
  const list = (pairs) => pairs.map(([name, value]) => `${name}: ${value}`).join("\n");
  const folded = (title, text) => (text === "" ? null : el("details", {}, el("summary", {}, title), block(title, null, text)));
  return [
    el("h4", {}, "Request"),
    folded("headers", list(request_headers)),
    block("The request", null, shortened(formatted(request))),
    el("h4", {}, "Answer"),
    folded("headers", list(headers)),
    el("div", { class: "bar" }, slider, at),
    body,
  ];
}

function formatted(text) {
  try {
    JSON.parse(text);
    return pretty(text); // which leaves the numbers as they are
  } catch {
    return text;
  }
}
