// What takes time on the server is a work: this tab names it, and hears of it over the one connection that each tab has
// (tools/dev/tabs.py).  The connection also says when the program has changed.

import { Failure, answer, post, reason, request } from "./api.js";

const RETRY_MILLISECONDS = 1000;
const works = new Map(); // by name: a function that takes the work's events
const LOST = { name: "error", data: { message: "The connection to `bamlvm dev` was lost." } };

let tab = null; // the name of the connection that is open
let opened = null; // resolves when there is one
let resolveOpened;
renew();

function renew() {
  opened = new Promise((resolve) => (resolveOpened = resolve));
}

/** Keep the connection: `changed(version)` hears of the program, `state(problem)` whether there is a server. */
export async function connect(changed, state) {
  for (;;) {
    const stop = new AbortController();
    const leave = () => {
      if (document.hidden && works.size === 0) stop.abort(); // a browser has few connections, for all tabs
    };
    document.addEventListener("visibilitychange", leave);
    try {
      const name = crypto.randomUUID();
      const response = await request("/api/events", { query: { tab: name }, signal: stop.signal });
      if (!response.ok) await answer(response);
      tab = name;
      resolveOpened();
      for await (const { name: kind, data } of events(response)) {
        if (kind === "changed") changed(data.version);
        else works.get(data.work)?.({ name: kind, data });
      }
      throw new TypeError("the server ended the connection");
    } catch (error) {
      if (tab !== null) renew();
      tab = null;
      for (const tell of [...works.values()]) tell(LOST);
      if (!stop.signal.aborted) {
        state(reason(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLISECONDS));
      }
    }
    document.removeEventListener("visibilitychange", leave);
    if (document.hidden) await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  }
}

const ENDS = new Set(["final", "outcome", "cancelled", "error"]);

/** Begin a work: `tell` hears its events `{ name, data }`, the last of which is one of ENDS.  Returns `{ cancel }`. */
export function begin(path, body, tell) {
  const work = crypto.randomUUID();
  let connection = null;
  const hear = (event) => {
    if (!works.has(work)) return;
    if (ENDS.has(event.name)) works.delete(work);
    tell(event);
  };
  works.set(work, hear);
  const start = async () => {
    await opened;
    if (!works.has(work)) return;
    connection = tab;
    try {
      await post(path, { ...body, tab: connection, work });
    } catch (error) {
      hear({ name: "error", data: { message: error instanceof Failure ? error.message : LOST.data.message } });
    }
  };
  start();
  return {
    async cancel() {
      if (connection === null) hear({ name: "cancelled", data: {} });
      else await post("/api/cancel", { tab: connection, work }).catch(() => hear(LOST));
    },
  };
}

/** Yield the server-sent events of a response as `{ name, data }`. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let searched = 0; // an event may come in many pieces: what has been searched is not searched again
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    let begin = 0;
    for (let end; (end = buffer.indexOf("\n\n", Math.max(begin, searched))) !== -1; begin = end + 2) {
      const event = parsed(buffer.slice(begin, end));
      if (event) yield event;
    }
    buffer = buffer.slice(begin);
    searched = Math.max(0, buffer.length - 1);
  }
}

function parsed(text) {
  let name = "message";
  let data = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data = JSON.parse(line.slice(6));
  }
  return data === null ? null : { name, data };
}
