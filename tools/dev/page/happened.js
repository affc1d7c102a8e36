// What has happened in a run, in order, so that it can be shown as it was after any of its events.
//
// A partial value is kept as it came: how many characters of the one before stay, and what follows them.  The text after
// an event is put together from the newest difference backwards, so no whole texts are kept.

const MOST_TICKS = 20_000; // batches of raw events whose text is kept
const MOST_CHARACTERS = 50_000_000; // of that text

export class Happened {
  constructor() {
    this.times = []; // of each event
    this.partials = []; // { at: the event's number, keep, add }
    this.attempts = []; // { at, data }
    this.ticks = []; // { at, texts }
    this.ended = null; // the event that ended the run
    this.forgotten = 0; // batches of raw events
    this._characters = 0;
  }

  get length() {
    return this.times.length;
  }

  add({ name, data }) {
    const at = this.length;
    if (name === "partial") this.partials.push({ at, keep: data.keep, add: data.add });
    else if (name === "attempt") this.attempts.push({ at, data });
    else if (name === "tick") this._addTick(at, data.events.map(rawText));
    else this.ended = { name, data };
    this.times.push(data.at ?? this.times.at(-1) ?? 0);
  }

  _addTick(at, texts) {
    this.ticks.push({ at, texts });
    this._characters += size(texts);
    while (this.ticks.length - this.forgotten > MOST_TICKS || this._characters > MOST_CHARACTERS) {
      this._characters -= size(this.ticks[this.forgotten].texts);
      this.ticks[this.forgotten].texts = [];
      this.forgotten += 1;
    }
  }

  /** Return the text of the newest value among the first `until` events; empty if there is none. */
  text(until) {
    if (until === this.length && this.ended?.name === "final") return this.ended.data.value;
    const pieces = [];
    let wanted = Infinity;
    for (let at = before(this.partials, until) - 1; at >= 0 && wanted > 0; at -= 1) {
      const { keep, add } = this.partials[at];
      if (wanted > keep) pieces.push(add.slice(0, wanted - keep));
      wanted = Math.min(wanted, keep);
    }
    return pieces.reverse().join("");
  }

  /** Return the lines of the last raw events among the first `until` events, `most` at most. */
  raw(until, most) {
    const lines = [];
    for (let at = before(this.ticks, until) - 1; at >= 0 && lines.length < most; at -= 1) {
      const { at: event, texts } = this.ticks[at];
      for (const text of [...texts].reverse()) lines.push({ seconds: this.times[event], text });
    }
    return lines.slice(0, most).reverse();
  }

  /** Return the attempts among the first `until` events, each as it was then, with `begin`, when it started. */
  attemptsUntil(until) {
    const rows = new Map();
    for (const { at, data } of this.attempts) {
      if (at >= until) break;
      rows.set(data.ordinal, { begin: rows.get(data.ordinal)?.begin ?? data.at, ...data });
    }
    return [...rows.values()];
  }
}

/** Return how many of the entries are of the first `until` events. */
function before(entries, until) {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle].at < until) low = middle + 1;
    else high = middle;
  }
  return low;
}

function rawText(event) {
  return typeof event === "string" ? event : (event.data ?? JSON.stringify(event));
}

function size(texts) {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
