// Making elements.  Text goes in as text, never as HTML: what the page shows was written by others.

/** Return an element: `el("button", { class: "run", onclick: f }, "Run")`.  False, null and undefined are left out. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "disabled") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...shown(children));
  return element;
}

export function replace(parent, ...children) {
  parent.replaceChildren(...shown(children));
}

function shown(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Set a text, unless it is there already: a selection in it stays. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a block for text of any length, `label`ed for those who do not see it; the keyboard can scroll it. */
export function block(label, className = null, text = "") {
  return el("pre", { class: className, role: "group", tabindex: "0", "aria-label": label }, text);
}

/** Return tabs: a list of `{ id, title, view }`; `view()` makes a panel when its tab is opened for the first time.
 *  `open(id)` opens one. */
export function tabs(label, items, first, onchange = () => {}) {
  const panels = new Map();
  const list = el("div", { role: "tablist", "aria-label": label, class: "tabs" });
  const holder = el("div", { class: "panels" });
  const open = (id, focus = false) => {
    for (const button of list.children) {
      const chosen = button.dataset.id === id;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) button.focus();
    }
    if (!panels.has(id)) {
      const item = items.find((each) => each.id === id);
      const panel = el("div", { role: "tabpanel", id: `panel-${id}`, "aria-labelledby": `tab-${id}` }, item.view());
      panels.set(id, panel);
      holder.append(panel);
    }
    for (const [key, panel] of panels) panel.hidden = key !== id;
    onchange(id);
  };
  for (const item of items) {
    list.append(
      el("button", { type: "button", role: "tab", id: `tab-${item.id}`, "data-id": item.id, "aria-controls": `panel-${item.id}`, onclick: () => open(item.id) }, item.title),
    );
  }
  list.addEventListener("keydown", (event) => {
    const at = items.findIndex((item) => item.id === document.activeElement.dataset.id);
    const to = { ArrowRight: (at + 1) % items.length, ArrowLeft: (at + items.length - 1) % items.length, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    open(items[to].id, true);
    event.preventDefault();
  });
  open(items.some((item) => item.id === first) ? first : items[0].id);
  return { element: el("div", {}, list, holder), open };
}

/** Return a button that copies the text that `text()` returns. */
export function copyButton(text, what) {
  const button = el("button", { type: "button", class: "small", "aria-label": `Copy ${what}`, onclick: copy }, "Copy");
  async function copy() {
    let word = "Copied";
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      word = "Not allowed";
    }
    replace(button, word);
    setTimeout(() => replace(button, "Copy"), 1500);
  }
  return button;
}

const LONGEST = 20_000;

/** Return text for a block; of a very long one its beginning and its end, so that the page stays quick. */
export function shortened(text) {
  if (text.length <= LONGEST) return text;
  const half = LONGEST / 2;
  return `${text.slice(0, half)}\n… ${(text.length - LONGEST).toLocaleString("en")} characters …\n${text.slice(-half)}`;
}

export function count(number, word) {
  return `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
}

export function seconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(2)} s`;
}

/** Return a function that calls another one when it has not been called for a while. */
export function later(milliseconds, action) {
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(action, milliseconds);
  };
}
