// A recording: its exchanges with their pieces by time, and its calls run again from it.  The content of an exchange is
// asked for when it is unfolded.

import { get, reason } from "./api.js";
import { block, count, el, replace, seconds, setText, shortened } from "./dom.js";
import { runView } from "./run.js";

const SHOWN = 200; // exchanges that are listed at once

/** Return the view of the recording that was opened: `{ element, refresh }`. */
export function recordingView(project) {
  const holder = el("div", {}, el("p", { class: "empty" }, "Loading…"));
  const replays = el("div", {});
  let calls = [];
  let run = null; // { number, view }
  get("/api/recording").then(
    (found) => {
      calls = found.calls;
      offer(project);
      replace(
        holder,
        el("p", { class: "hint" }, `${found.path}: ${count(found.exchanges.length, "exchange")}`),
        found.notes.map((note) => el("p", { class: "warn" }, note)),
        replays,
        el("h3", {}, "Exchanges"),
        found.exchanges.length === 0 ? el("p", { class: "empty" }, "It has none.") : exchanges(found.exchanges),
      );
    },
    (error) => replace(holder, el("p", { class: "error" }, reason(error))),
  );

  /** Offer the first call that the program still has a function for. */
  function offer(now) {
    const number = calls.findIndex((call) => call.has_arguments && now.functions.some((each) => each.name === call.function));
    if (number < 0) {
      const why = calls.length === 0 ? "It holds no call that could be run again." : `Its call of ${calls[0].function} cannot be run again: ${calls[0].has_arguments ? "the program has no such function" : "the arguments are not in it"}.`;
      replace(replays, el("p", { class: "hint" }, why));
      run = null;
    } else if (run?.number !== number) {
      run = { number, view: runView(() => ({ call: number }), { label: "Replay", path: "/api/replay" }) };
      replace(replays, el("h3", {}, `${calls[number].function}, run again from the recording`), run.view.element);
    }
  }

  return { element: el("section", {}, el("h2", {}, "Recording"), holder), refresh: offer };
}

function exchanges(all) {
  const holder = el("div", { class: "exchanges" });
  const more = el("button", { type: "button", onclick: add }, "");
  let shown = 0;
  function add() {
    const next = all.slice(shown, shown + SHOWN).map((each, at) => exchange(each, shown + at));
    more.before(...next);
    shown += next.length;
    more.hidden = shown === all.length;
    setText(more, `Show more of the ${all.length - shown} others`);
  }
  holder.append(more);
  add();
  return holder;
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
    setText(at, until === 0 ? "nothing yet" : `${pieces[until - 1].chunks} of ${chunks} pieces, ${seconds(pieces[until - 1].at)}`);
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
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
