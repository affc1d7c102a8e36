// What the compiler says of the sources: errors and warnings, each with its place, its line and a hint.

import { block, el } from "./dom.js";

export function problemsView(project) {
  const { problem, diagnostics } = project;
  return el(
    "section",
    {},
    el("h2", {}, "Problems"),
    problem === null ? null : el("p", { class: "error" }, problem),
    problem === null && diagnostics.length === 0 ? el("p", { class: "empty" }, "No errors and no warnings.") : null,
    diagnostics.map((each) =>
      el(
        "div",
        { class: `message ${each.severity}` },
        el("h3", {}, `${each.severity} ${each.code} in ${each.file}, line ${each.start.line}, column ${each.start.column}`),
        el("p", {}, each.message),
        each.excerpt ? block("The source", "excerpt", each.excerpt) : each.hint ? el("p", { class: "hint" }, each.hint) : null,
      ),
    ),
  );
}
