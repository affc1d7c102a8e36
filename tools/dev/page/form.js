// A form for a function's arguments, made from their JSON Schema.  A field is a control with `read()`, its value, and
// undefined where it is left out; `write(value)` fills it in.

import { el } from "./dom.js";

/** Return the field of all arguments: `{ element, read, write }`; `onchange` is called after each change. */
export function argumentsForm(parameters, definitions, onchange) {
  const fields = new Map();
  const element = el("form", { class: "fields", onsubmit: (event) => event.preventDefault(), oninput: onchange, onchange });
  for (const parameter of parameters) {
    const field = fieldOf(parameter.schema ?? {}, { definitions, onchange, depth: 0, id: `arg-${parameter.name}` });
    fields.set(parameter.name, { field, parameter });
    element.append(labelled(parameter.name, parameter.type, field, parameter.required));
  }
  return {
    element,
    read() {
      const values = {};
      for (const [name, { field, parameter }] of fields) {
        const value = field.read();
        if (value !== undefined || parameter.required) values[name] = value ?? null;
      }
      return values;
    },
    write(values) {
      for (const [name, value] of Object.entries(values)) fields.get(name)?.field.write(value);
      onchange();
    },
  };
}

/** A control has a label; a group of controls, whose `id` is null, has the name itself. */
function labelled(name, hint, field, required) {
  const words = [name, required ? null : el("span", { class: "optional" }, " optional"), " ", el("code", {}, hint)];
  if (field.id === null) {
    field.element.setAttribute("role", "group");
    field.element.setAttribute("aria-label", name);
  }
  const title = field.id === null ? el("div", { class: "label" }, words) : el("label", { class: "label", for: field.id }, words);
  return el("div", { class: "field" }, title, field.element);
}

function resolved(schema, definitions) {
  let found = schema;
  for (let step = 0; found.$ref !== undefined && step < 20; step += 1) found = definitions[found.$ref.split("/").pop()] ?? {};
  return found;
}

function fieldOf(schema, context) {
  const found = resolved(schema, context.definitions);
  if (found.enum !== undefined || found.const !== undefined) return choice(found.enum ?? [found.const], context);
  if (found.oneOf?.every((each) => each.const !== undefined)) return choice(found.oneOf.map((each) => each.const), context);
  if (found.anyOf !== undefined) return union(found, context);
  switch (found.type) {
    case "string":
      return text(context);
    case "integer":
    case "number":
      return number(found.type, context);
    case "boolean":
      return choice([false, true], context);
    case "array":
      return context.depth < 6 ? list(found, context) : json(context);
    case "object":
      return found.properties !== undefined && context.depth < 6 ? object(found, context) : json(context);
    case "null":
      return { id: null, element: el("span", { class: "hint" }, "null"), read: () => null, write() {} };
    default:
      return json(context);
  }
}

function text({ id, label }) {
  const element = el("textarea", { id, "aria-label": label, rows: "2", spellcheck: "false" });
  return { id, element, read: () => element.value, write: (value) => (element.value = value ?? "") };
}

function number(type, { id, label }) {
  const element = el("input", { id, "aria-label": label, type: "number", step: type === "integer" ? "1" : "any" });
  const read = () => (element.value === "" ? undefined : Number(element.value));
  return { id, element, read, write: (value) => (element.value = value ?? "") };
}

function choice(values, { id, label }) {
  const element = el("select", { id, "aria-label": label }, values.map((value, at) => el("option", { value: String(at) }, String(value))));
  const write = (value) => (element.value = String(Math.max(0, values.indexOf(value))));
  return { id, element, read: () => values[Number(element.value)], write };
}

/** What has no form of its own is written as JSON. */
function json({ id, label }) {
  const element = el("textarea", { id, "aria-label": label, rows: "3", spellcheck: "false", placeholder: "JSON", class: "code" });
  const read = () => {
    element.removeAttribute("aria-invalid");
    if (element.value.trim() === "") return undefined;
    try {
      return JSON.parse(element.value);
    } catch {
      element.setAttribute("aria-invalid", "true");
      return element.value;
    }
  };
  return { id, element, read, write: (value) => (element.value = value === undefined ? "" : JSON.stringify(value, null, 2)) };
}

function union(schema, context) {
  const members = schema.anyOf.map((each) => ({ schema: each, title: title(each, context.definitions) }));
  const withoutNull = members.filter((each) => each.title !== "null");
  const element = el("div", { class: "union" });
  let field;
  const select = el(
    "select",
    { id: context.id, "aria-label": context.label, onchange: () => show(Number(select.value)) },
    members.map((each, at) => el("option", { value: String(at) }, each.title)),
  );
  const show = (at) => {
    select.value = String(at);
    field = fieldOf(members[at].schema, { ...context, depth: context.depth + 1, id: `${context.id}-${at}`, label: members[at].title });
    element.replaceChildren(select, field.element);
  };
  const nothing = members.findIndex((each) => each.title === "null");
  show(nothing >= 0 ? nothing : 0);
  const write = (value) => {
    const at = members.findIndex((each) => fits(value, resolved(each.schema, context.definitions)));
    show(Math.max(0, at));
    field.write(value);
  };
  return { id: context.id, element, read: () => (withoutNull.length < members.length && select.value === String(nothing) ? undefined : field.read()), write };
}

function list(schema, context) {
  const items = [];
  const rows = el("ol", { class: "items" });
  const add = (value) => {
    const field = fieldOf(schema.items ?? {}, { ...context, depth: context.depth + 1, id: `${context.id}-${Math.random().toString(36).slice(2)}`, label: "Item" });
    if (value !== undefined) field.write(value);
    const row = el("li", {}, field.element, el("button", { type: "button", class: "small", "aria-label": "Remove this item", onclick: () => remove(field, row) }, "✕"));
    items.push(field);
    rows.append(row);
  };
  const remove = (field, row) => {
    items.splice(items.indexOf(field), 1);
    row.remove();
    context.onchange();
  };
  const button = el("button", { type: "button", class: "small", onclick: () => { add(); context.onchange(); } }, "Add an item");
  return {
    id: null,
    element: el("div", { class: "list" }, rows, button),
    read: () => items.map((field) => field.read() ?? null),
    write(values) {
      items.length = 0;
      rows.replaceChildren();
      for (const value of Array.isArray(values) ? values : []) add(value);
    },
  };
}

function object(schema, context) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties).map(([name, each]) => {
    const field = fieldOf(each, { ...context, depth: context.depth + 1, id: `${context.id}-${name}`, label: undefined });
    return [name, field, labelled(name, title(each, context.definitions), field, required.has(name))];
  });
  return {
    id: null,
    element: el("fieldset", {}, fields.map(([, , row]) => row)),
    read: () => Object.fromEntries(fields.map(([name, field]) => [name, field.read()]).filter(([, value]) => value !== undefined)),
    write(value) {
      for (const [name, field] of fields) field.write(value?.[name]);
    },
  };
}

function title(schema, definitions) {
  if (schema.$ref !== undefined) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `${title(schema.items ?? {}, definitions)}[]`;
  if (schema.anyOf) return schema.anyOf.map((each) => title(each, definitions)).join(" | ");
  return schema.type ?? "any";
}

function fits(value, schema) {
  if (schema.enum) return schema.enum.includes(value);
  if (schema.const !== undefined) return schema.const === value;
  const kinds = { string: "string", number: "number", integer: "number", boolean: "boolean" };
  if (schema.type === "null") return value === null || value === undefined;
  if (schema.type === "array") return Array.isArray(value);
  if (schema.type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === kinds[schema.type];
}
