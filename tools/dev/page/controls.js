// The controls of a form that hold one value each.  A control is `{ id, element, read, write }`: `read()` returns its
// value, undefined where it is left out, and `write(value)` fills it in.  What a control cannot hold is not written:
// `write` returns false then.

import { Failure } from "./api.js";
import { el } from "./dom.js";
import { Exact, encode } from "./json.js";

export function text({ id, label }) {
  const element = el("textarea", { id, "aria-label": label, rows: "2", spellcheck: "false" });
  return {
    id,
    element,
    read: () => element.value,
    write(value) {
      if (typeof value !== "string") return false;
      element.value = value;
      return true;
    },
  };
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** A number goes out as it was typed: an `int` has more digits than a number of JavaScript. */
export function number(type, { id, label }) {
  const element = el("input", { id, "aria-label": label, type: "number", step: type === "integer" ? "1" : "any" });
  return {
    id,
    element,
    read() {
      if (element.value === "") return undefined;
      return NUMBER.test(element.value) ? new Exact(element.value) : Number(element.value);
    },
    write(value) {
      if (typeof value !== "number" && !(value instanceof Exact)) return false;
      element.value = value instanceof Exact ? value.text : String(value);
      return true;
    },
  };
}

export function choice(values, { id, label }) {
  const element = el("select", { id, "aria-label": label }, values.map((value, at) => el("option", { value: String(at) }, String(value))));
  return {
    id,
    element,
    read: () => values[Number(element.value)],
    write(value) {
      const at = values.indexOf(value);
      if (at >= 0) element.value = String(at);
      return at >= 0;
    },
  };
}

/** What has no form of its own is written as JSON.  Reading it throws a Failure while it is none. */
export function json({ id, label }) {
  const element = el("textarea", { id, "aria-label": label, rows: "3", spellcheck: "false", placeholder: "JSON", class: "code" });
  return {
    id,
    element,
    read() {
      element.removeAttribute("aria-invalid");
      if (element.value.trim() === "") return undefined;
      try {
        JSON.parse(element.value);
      } catch (error) {
        element.setAttribute("aria-invalid", "true");
        throw new Failure(`A field is not JSON: ${error.message}.`);
      }
      return new Exact(element.value);
    },
    write(value) {
      element.value = value === undefined ? "" : encode(value);
      return true;
    },
  };
}

export function nothing() {
  const element = el("span", { class: "hint nothing" }, "null");
  return { id: null, element, read: () => null, write: (value) => value === null || value === undefined };
}

/** Return whether a schema is that of media: an object with `url`, or one with `base64`. */
export function isMedia(schema) {
  return schema.anyOf?.length === 2 && schema.anyOf[0].properties?.url !== undefined && schema.anyOf[1].properties?.base64 !== undefined;
}

/** Media come from an address, a file of this machine, or as base64. */
export function media({ id, label, onchange }) {
  const kind = el("select", { id, "aria-label": label, onchange: show }, ["url", "file", "base64"].map((each) => el("option", { value: each }, each)));
  const url = el("input", { type: "url", "aria-label": "Address", placeholder: "https://…" });
  const file = el("input", { type: "file", "aria-label": "File", onchange: load });
  const data = el("textarea", { "aria-label": "Base64", rows: "2", spellcheck: "false", class: "code" });
  const mime = el("input", { "aria-label": "Media type", placeholder: "image/png" });
  const element = el("div", { class: "union" }, kind, url);
  function show() {
    const parts = { url: [url], file: [file], base64: [data] }[kind.value];
    element.replaceChildren(kind, ...parts, ...(kind.value === "url" ? [] : [mime]));
  }
  function load() {
    const [chosen] = file.files;
    if (chosen === undefined) return;
    const reader = new FileReader();
    reader.onload = () => {
      data.value = reader.result.slice(reader.result.indexOf(",") + 1);
      mime.value = chosen.type;
      onchange();
    };
    reader.readAsDataURL(chosen);
  }
  return {
    id,
    element,
    read() {
      const media_type = mime.value.trim() || undefined;
      return kind.value === "url" ? { url: url.value } : { base64: data.value.trim(), media_type };
    },
    write(value) {
      if (typeof value !== "object" || value === null || (value.url === undefined && value.base64 === undefined)) return false;
      kind.value = value.url === undefined ? "base64" : "url";
      url.value = value.url ?? "";
      data.value = value.base64 ?? "";
      mime.value = value.media_type ?? "";
      show();
      return true;
    },
  };
}
