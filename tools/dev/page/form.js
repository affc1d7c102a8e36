// A form for a function's arguments, made from their JSON Schema out of controls (controls.js).  What holds several
// values is a group: its `id` is null, since no single control bears its label.

import { Failure } from "./api.js";
import { choice, isMedia, json, media, nothing, number, text } from "./controls.js";
import { el } from "./dom.js";
import { Exact, encode } from "./json.js";

const DEEPEST = 8; // groups inside groups; what is deeper is JSON

/** Return the field of all arguments: `{ element, read, write }`; `onchange` is called after each change.  `read()` throws a
 *  Failure where something cannot be sent. */
export function argumentsForm(parameters, definitions, onchange) {
  const fields = new Map();
  const element = el("form", { class: "fields", onsubmit: (event) => event.preventDefault(), oninput: onchange, onchange });
  for (const parameter of parameters) {
    const context = { definitions, onchange, depth: 0, within: [], id: `arg-${parameter.name}` };
    const field = parameter.has_default ? withDefault(parameter.schema ?? {}, context) : fieldOf(parameter.schema ?? {}, context);
    fields.set(parameter.name, { field, parameter });
    element.append(labelled(parameter.name, parameter.type, field, parameter.required));
  }
  return {
    element,
    read() {
      const values = [...fields].map(([name, { field, parameter }]) => [name, field.read() ?? (parameter.required ? null : undefined)]);
      return Object.fromEntries(values.filter(([, value]) => value !== undefined));
    },
    write(values) {
      for (const [name, value] of Object.entries(values)) fields.get(name)?.field.write(value);
    },
  };
}

function labelled(name, hint, field, required) {
  const words = [name, " ", el("code", {}, hint), required ? null : el("span", { class: "optional" }, " optional")];
  if (field.id === null) {
    field.element.setAttribute("role", "group");
    field.element.setAttribute("aria-label", name);
  }
  const label = field.id === null ? el("div", { class: "label" }, words) : el("label", { class: "label", for: field.id }, words);
  return el("div", { class: "field" }, label, field.element);
}

function fieldOf(schema, context) {
  const found = resolved(schema, context.definitions);
  if (schema.$ref !== undefined) context = { ...context, within: [...context.within, schema.$ref] };
  if (found.enum !== undefined || found.const !== undefined) return choice(found.enum ?? [found.const], context);
  if (isMedia(found)) return media(context);
  if (found.anyOf !== undefined || found.oneOf !== undefined || Array.isArray(found.type)) {
    const members = membersOf(found, context.definitions);
    if (members.every((each) => each.const !== undefined)) return choice(members.map((each) => each.const), context);
    return union(members, context);
  }
  const below = { ...context, depth: context.depth + 1 };
  switch (found.type) {
    case "string":
      return text(context);
    case "integer":
    case "number":
      return number(found.type, context);
    case "boolean":
      return choice([false, true], context);
    case "null":
      return nothing();
  }
  if (context.depth >= DEEPEST) return json(context);
  if (found.type === "array") return list(found.items ?? {}, below);
  if (found.type === "object" && found.properties !== undefined) return object(found, below);
  if (found.type === "object") return map(found, below);
  return json(context);
}

function resolved(schema, definitions) {
  let found = schema;
  for (let step = 0; found.$ref !== undefined && step < 20; step += 1) found = definitions[found.$ref.split("/").pop()] ?? {};
  return found;
}

/** Return the members of a union, those of unions inside it too. */
function membersOf(schema, definitions, seen = []) {
  if (Array.isArray(schema.type)) return schema.type.map((type) => ({ ...schema, type }));
  return (schema.anyOf ?? schema.oneOf).flatMap((each) => {
    const found = resolved(each, definitions);
    if (seen.includes(found) || isMedia(found)) return [each];
    return found.anyOf || found.oneOf || Array.isArray(found.type) ? membersOf(found, definitions, [...seen, found]) : [each];
  });
}

/** A choice between fields: one of them is there at a time. */
function choiceOfFields(titles, make, first, context) {
  const element = el("div", { class: "union" });
  const select = el("select", { id: context.id, "aria-label": context.label, onchange: () => show(Number(select.value)) }, titles.map((title, at) => el("option", { value: String(at) }, title)));
  let field;
  const show = (at) => {
    select.value = String(at);
    field = make(at);
    element.replaceChildren(select, field.element);
  };
  show(first);
  return { element, show, at: () => Number(select.value), field: () => field };
}

function union(members, context) {
  const titles = members.map((each) => title(each, context.definitions));
  const make = (at) => fieldOf(members[at], { ...context, depth: context.depth + 1, id: `${context.id}-${at}`, label: titles[at] });
  const made = choiceOfFields(titles, make, simplest(members, context), context);
  return {
    id: context.id,
    element: made.element,
    read: () => made.field().read(),
    write(value) {
      const fitting = members.map((each, at) => [fits(value, each, context.definitions), at]).filter(([how]) => how > 0);
      for (const [, at] of fitting.sort(([one], [other]) => other - one)) {
        made.show(at);
        if (made.field().write(value)) return true;
      }
      return false;
    },
  };
}

/** Return the member to begin with: null, else the first that does not contain itself. */
function simplest(members, context) {
  const empty = members.findIndex((each) => each.type === "null");
  if (empty >= 0) return empty;
  return Math.max(0, members.findIndex((each) => each.$ref === undefined || !context.within.includes(each.$ref)));
}

/** A parameter with a default: what is not chosen is left out, and the function takes its default. */
function withDefault(schema, context) {
  const none = { element: el("span", { hidden: true }), read: () => undefined };
  const make = (at) => (at === 0 ? none : fieldOf(schema, { ...context, id: `${context.id}-given`, label: "The value" }));
  const made = choiceOfFields(["its default", "another value"], make, 0, context);
  return {
    id: context.id,
    element: made.element,
    read: () => made.field().read(),
    write(value) {
      made.show(value === undefined ? 0 : 1);
      return value === undefined || made.field().write(value);
    },
  };
}

let made = 0;

/** Rows that can be added and removed.  `make()` returns `{ element, … }` of a new one; the focus follows. */
function rows(make, word, context) {
  const items = [];
  const holder = el("ol", { class: "items" });
  const button = el("button", { type: "button", class: "small", onclick: add }, `Add ${word}`);
  function push() {
    const item = make(`${context.id}-${(made += 1)}`);
    const row = el("li", {}, item.element, el("button", { type: "button", class: "small quiet", "aria-label": `Remove this ${word.split(" ").pop()}`, onclick: () => remove(item, row) }, "✕"));
    items.push(item);
    holder.append(row);
    return { item, row };
  }
  function add() {
    push().row.querySelector("input, select, textarea, button")?.focus();
    context.onchange();
  }
  function remove(item, row) {
    items.splice(items.indexOf(item), 1);
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("input, select, textarea, button") ?? button).focus();
    context.onchange();
  }
  const clear = () => {
    items.length = 0;
    holder.replaceChildren();
  };
  return { element: el("div", { class: "list" }, holder, button), items, push, clear };
}

function list(items, context) {
  const made = rows((id) => fieldOf(items, { ...context, id, label: "Item" }), "an item", context);
  return {
    id: null,
    element: made.element,
    read: () => made.items.map((field) => field.read() ?? null),
    write(values) {
      if (!Array.isArray(values)) return false;
      made.clear();
      return values.map((value) => made.push().item.write(value)).every(Boolean);
    },
  };
}

/** A map is its entries in their order.  Reading it throws a Failure while a key is there twice. */
function map(schema, context) {
  const keys = schema.propertyNames?.enum;
  const entry = (id) => {
    const key = keys ? choice(keys, { id: `${id}-key`, label: "Key" }) : text({ id: `${id}-key`, label: "Key" });
    if (!keys) key.element.rows = 1;
    const value = fieldOf(schema.additionalProperties || {}, { ...context, id, label: "Value" });
    return { element: el("div", { class: "entry" }, key.element, value.element), key, value };
  };
  const made = rows(entry, "an entry", context);
  return {
    id: null,
    element: made.element,
    read() {
      const seen = new Set();
      for (const { key } of made.items) {
        const twice = seen.has(key.read());
        key.element.toggleAttribute("aria-invalid", twice);
        if (twice) throw new Failure(`The key ${JSON.stringify(key.read())} is there twice.`);
        seen.add(key.read());
      }
      return new Exact(`{${made.items.map(({ key, value }) => `${JSON.stringify(key.read())}:${encode(value.read())}`).join(",")}}`);
    },
    write(value) {
      const entries = entriesOf(value);
      if (entries === null) return false;
      made.clear();
      return entries.map(([key, each]) => {
        const { item } = made.push();
        return item.key.write(key) && item.value.write(each);
      }).every(Boolean);
    },
  };
}

function entriesOf(value) {
  const found = value instanceof Exact ? JSON.parse(value.text) : value;
  return typeof found === "object" && found !== null && !Array.isArray(found) ? Object.entries(found) : null;
}

function object(schema, context) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([name, each]) => {
    const field = fieldOf(each, { ...context, id: `${context.id}-${name}`, label: undefined });
    return [name, field, labelled(name, title(each, context.definitions), field, required.has(name))];
  });
  return {
    id: null,
    element: el("fieldset", {}, fields.map(([, , row]) => row)),
    read: () => Object.fromEntries(fields.map(([name, field]) => [name, field.read()]).filter(([name, value]) => value !== undefined && (value !== null || required.has(name)))),
    write(value) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
      return fields.map(([name, field]) => value[name] === undefined || field.write(value[name])).every(Boolean);
    },
  };
}

function title(schema, definitions) {
  if (schema.$ref !== undefined) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (isMedia(schema)) return "media";
  if (schema.type === "array") {
    const inner = title(schema.items ?? {}, definitions);
    return inner.includes("|") ? `(${inner})[]` : `${inner}[]`;
  }
  if (schema.anyOf || schema.oneOf) return (schema.anyOf ?? schema.oneOf).map((each) => title(each, definitions)).join(" | ");
  if (schema.type === "object" && schema.properties === undefined) return "map";
  if (Array.isArray(schema.type)) return schema.type.map((type) => title({ type }, definitions)).join(" | ");
  return { integer: "int", number: "float", boolean: "bool" }[schema.type] ?? schema.type ?? "any";
}

/** Return how well a value fits a schema: 0 not at all, more is better. */
function fits(value, schema, definitions) {
  const found = resolved(schema, definitions);
  if (found.enum) return found.enum.includes(value) ? 3 : 0;
  if (found.const !== undefined) return found.const === value ? 3 : 0;
  if (isMedia(found)) return value?.url !== undefined || value?.base64 !== undefined ? 2 : 0;
  if (found.type === "null") return value === null || value === undefined ? 3 : 0;
  if (found.type === "array") return Array.isArray(value) ? 2 : 0;
  if (found.type === "integer" || found.type === "number") {
    const digits = value instanceof Exact ? value.text : typeof value === "number" ? String(value) : "";
    if (!/^-?\d/.test(digits)) return 0;
    return found.type === "integer" ? (/^-?\d+$/.test(digits) ? 3 : 0) : 2;
  }
  if (found.type === "object") {
    const entries = entriesOfOrNull(value);
    if (entries === null) return 0;
    if (found.properties === undefined) return 1;
    const names = entries.map(([name]) => name);
    const isWhole = (found.required ?? []).every((name) => names.includes(name)) && names.every((name) => name in found.properties);
    return isWhole ? 3 : 1;
  }
  return { string: "string", boolean: "boolean" }[found.type] === typeof value ? 2 : found.type === undefined ? 1 : 0;
}

function entriesOfOrNull(value) {
  if (value instanceof Exact && !value.text.startsWith("{")) return null;
  return entriesOf(value);
}
