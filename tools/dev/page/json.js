// JSON whose numbers stay as they are written.  A number of JavaScript has 53 bits, an `int` of BAML has 64; so values
// come from the server as text, and what a form reads may hold numbers as text.

/** JSON text that is sent as it is. */
export class Exact {
  constructor(text) {
    this.text = text;
  }
}

export function encode(value) {
  if (value instanceof Exact) return value.text;
  if (Array.isArray(value)) return `[${value.map((each) => encode(each ?? null)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{${parts.map(([key, each]) => `${JSON.stringify(key)}:${encode(each)}`).join(",")}}`;
  }
  return JSON.stringify(value ?? null);
}

/** Return the value of a text; a number that JavaScript would round is an Exact.  Undefined for what is no JSON. */
export function decode(text) {
  try {
    return decoded(text);
  } catch {
    return undefined;
  }
}

function decoded(text) {
  return JSON.parse(text, (key, value, context) => {
    const isRounded = typeof value === "number" && context?.source !== undefined && String(value) !== context.source;
    return isRounded ? new Exact(context.source) : value;
  });
}

const LONGEST = 2_000_000; // characters that are indented

/** Return JSON text for people: a string without its quotes, anything else indented, each number as it is written. */
export function pretty(text) {
  if (text.startsWith('"')) return JSON.parse(text);
  if (text.length > LONGEST) return text;
  const parts = [];
  let depth = 0;
  const line = () => parts.push("\n", "  ".repeat(depth));
  for (let at = 0; at < text.length; at += 1) {
    const mark = text[at];
    if (mark === '"') {
      const end = endOfString(text, at);
      parts.push(JSON.stringify(JSON.parse(text.slice(at, end + 1))));
      at = end;
    } else if (mark === "{" || mark === "[") {
      if (text[at + 1] === "}" || text[at + 1] === "]") {
        parts.push(mark, text[at + 1]);
        at += 1;
        continue;
      }
      depth += 1;
      parts.push(mark);
      line();
    } else if (mark === "}" || mark === "]") {
      depth -= 1;
      line();
      parts.push(mark);
    } else if (mark === ",") {
      parts.push(mark);
      line();
    } else if (mark === ":") {
      parts.push(": ");
    } else if (mark > " ") {
      parts.push(mark);
    }
  }
  return parts.join("");
}

/** Return the place of the quote that ends the string which begins at a place. */
function endOfString(text, at) {
  for (let end = text.indexOf('"', at + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end;
  }
}
