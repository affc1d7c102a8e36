// The tests of the program, run one by one or all, with what each found.

import { block, count, el, replace, seconds, setText, shortened } from "./dom.js";
import { pretty } from "./json.js";
import { begin } from "./works.js";

/** Return the view of all tests: `{ element, refresh }`; results stay until the test is run again. */
export function testsView(project) {
  const rows = new Map(); // by name
  const body = el("tbody", {});
  const state = el("p", { class: "state", role: "status" });
  const all = el("button", { type: "button", class: "main", onclick: runAll }, "Run all");
  const table = el("table", { class: "tests" }, el("thead", {}, el("tr", {}, ["test", "result", "details", "run"].map((title) => el("th", { scope: "col" }, title)))), body);
  const empty = el("p", { class: "empty" }, "The program has no tests.");

  const running = () => [...rows.values()].filter((each) => each.work !== null);

  function runAll() {
    const works = running();
    if (works.length > 0) for (const row of works) row.work.cancel();
    else for (const row of rows.values()) row.run();
  }

  function changed() {
    const left = running().length;
    replace(all, left > 0 ? "Cancel" : "Run all");
    all.classList.toggle("stop", left > 0);
    const ended = [...rows.values()].map((each) => each.status).filter((each) => each !== null);
    const passed = ended.filter((each) => each === "passed").length;
    if (left > 0) setText(state, `running: ${ended.length} of ${count(rows.size, "test")} done`);
    else if (ended.length > 0) setText(state, passed === ended.length ? `${passed} passed` : `${ended.length - passed} of ${ended.length} did not pass`);
    else setText(state, "");
    state.className = `state ${left > 0 || ended.length === 0 ? "" : passed === ended.length ? "good" : "bad"}`;
  }

  function refresh(now) {
    const names = new Set(now.tests.map((test) => test.name));
    for (const name of [...rows.keys()]) if (!names.has(name)) rows.delete(name);
    for (const test of now.tests) if (!rows.has(test.name)) rows.set(test.name, testRow(test, changed));
    const order = now.tests.map((test) => rows.get(test.name).element);
    if (order.length !== body.children.length || order.some((row, at) => row !== body.children[at])) body.replaceChildren(...order);
    table.hidden = all.hidden = order.length === 0;
    empty.hidden = order.length > 0;
    changed();
  }

  refresh(project);
  return { element: el("section", {}, el("h2", {}, "Tests"), el("div", { class: "bar" }, all, state), empty, table), refresh };
}

function testRow(test, changed) {
  const result = el("td", { class: "result" });
  const details = el("td", {});
  const button = el("button", { type: "button", class: "small", "aria-label": `Run ${test.name}`, onclick: () => row.run() }, "Run");
  const row = {
    element: el("tr", {}, el("td", {}, el("code", {}, test.name), el("div", { class: "hint" }, `${test.file}:${test.line}`)), result, details, el("td", {}, button)),
    work: null,
    status: null,
    run() {
      if (row.work !== null) return;
      row.status = null;
      button.disabled = true;
      result.className = "result";
      replace(result, "running…");
      replace(details);
      row.work = begin("/api/test", { name: test.name }, ({ name, data }) => show(name, data));
      changed();
    },
  };
  function show(name, data) {
    row.work = null;
    button.disabled = false;
    row.status = name === "outcome" ? data.status : name === "cancelled" ? "cancelled" : "error";
    result.className = `result ${row.status === "passed" ? "good" : row.status === "cancelled" ? "hint" : "bad"}`;
    replace(result, name === "outcome" ? `${row.status} in ${seconds(data.seconds)}` : row.status);
    replace(details, name === "outcome" ? outcome(data) : name === "error" ? el("p", { class: "error" }, data.message) : null);
    changed();
  }
  return row;
}

function outcome({ error, constraints, value, attempts }) {
  if (error !== null) return block("The error", "error", shortened(error));
  return [
    ...constraints.filter((each) => each.holds !== true).map((each) => el("p", { class: each.level === "check" ? "warn" : "error" }, each.text, each.operands.map(([source, text]) => el("code", {}, ` ${source} is ${text}`)))),
    el("details", {}, el("summary", {}, attempts > 1 ? `value, after ${count(attempts, "attempt")}` : "value"), block("The value", null, shortened(pretty(value)))),
  ];
}
