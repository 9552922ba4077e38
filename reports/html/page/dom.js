// @ts-check
// How elements are made: from tags, attributes and texts, never from markup, so that no text can become any.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with attributes (``null`` and ``false`` leave one out) and children.
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...(Child | Child[])} children @returns {HTMLElement}
 */
function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * The same for a drawing.
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...(Child | Child[])} children @returns {SVGElement}
 */
function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} element @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {(Child | Child[])[]} children @returns {E}
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
  return element;
}

/** The address of a view: ``#view/argument?q=filter``. The argument stays readable where it can. */
/** @param {string} view @param {string} argument @param {Record<string, string>} options */
function address(view, argument = "", options = {}) {
  const plain = encodeURIComponent(argument).replace(/%2F/g, "/").replace(/%40/g, "@").replace(/%3A/g, ":");
  const asked = new URLSearchParams(Object.entries(options).filter(([, value]) => value)).toString();
  return `#${view}${argument ? `/${plain}` : ""}${asked ? `?${asked.replace(/%3A/g, ":").replace(/%2C/g, ",")}` : ""}`;
}

/** @param {string} href @param {...Child} children */
const link = (href, ...children) => h("a", { href }, ...children);

/** @param {number} clause */
const clauseLink = (clause) => link(address("clause", clauses[clause].id), h("code", {}, clauses[clause].id));

/** @param {string} query @param {...Child} children */
const rowsLink = (query, ...children) => link(address("rows", "", { q: query }), ...children);

/** A value of a filter term. @param {string} value */
const term = (value) => (/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);

/** @param {number} row */
function rowAddress(row) {
  const kernel = several ? kernels[rows.kernel[row]].label : "";
  return address("row", idOf(rows.item[row]), { kernel });
}

/** @param {number} row @param {boolean} [short] without the clause */
const rowLink = (row, short = false) =>
  link(rowAddress(row), h("code", {}, short ? tailOf(rows.item[row]) : idOf(rows.item[row])));

/** @param {State} state @param {string} [words] */
const badge = (state, words = STATES[state].one) => h("span", { class: `badge ${state}` }, words);

/** @param {number} row */
const rowBadge = (row) => badge(rowState(row), stateWords(row));

/** @param {number} count @param {string} one @param {string} [many] */
const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** The words for numbers by state, without those that are none. @param {Record<State, number>} counts */
const inWords = (counts) =>
  STATE_NAMES.filter((state) => counts[state])
    .map((state) => `${counts[state].toLocaleString("en")} ${STATES[state].many}`)
    .join(", ");

/** A bar of numbers by state. @param {Record<State, number>} counts */
function bar(counts) {
  const whole = STATE_NAMES.reduce((sum, state) => sum + counts[state], 0);
  const drawn = h("span", { class: "bar", role: "img", "aria-label": inWords(counts) || "nothing" });
  for (const state of STATE_NAMES) {
    if (!counts[state]) continue;
    const piece = h("span", { class: state });
    piece.style.flexGrow = String(counts[state] / whole);
    drawn.append(piece);
  }
  return drawn;
}

/** A table that scrolls by itself where it is too wide. */
/** @param {string} label @param {Child[]} head @param {Child[]} body rows, or whole bodies @param {string} [css] */
function table(label, head, body, css = "") {
  const bodies = body.some((each) => each instanceof Element && each.tagName === "TBODY")
    ? body
    : [h("tbody", {}, body)];
  const made = /** @type {HTMLTableElement} */ (h("table", { class: css }, h("caption", { class: "unseen" }, label)));
  if (head.length) made.append(h("thead", {}, h("tr", {}, head)));
  made.append(...bodies.filter((each) => each instanceof Node));
  // Where the screen is narrow, cells stand below each other, each behind the name of its column (report.css).
  const names = head
    .filter((each) => each instanceof Element)
    .map((each) => (each instanceof Element && each.textContent) || "");
  for (const line of made.tBodies) {
    for (const row of line.rows) {
      if (row.cells.length === names.length)
        [...row.cells].forEach((cell, place) => names[place] && (cell.dataset.name = names[place]));
    }
  }
  return h("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, made);
}

/** @param {Child} name @param {string} [css] */
const column = (name, css) => h("th", { scope: "col", class: css }, name);

/** A time in the unit that reads best. @param {number} microseconds */
function duration(microseconds) {
  if (microseconds >= 1e6) return `${(microseconds / 1e6).toFixed(microseconds >= 1e7 ? 1 : 2)} s`;
  if (microseconds >= 1e3) return `${(microseconds / 1e3).toFixed(microseconds >= 1e5 ? 0 : 1)} ms`;
  return `${microseconds} µs`;
}

/** Pairs of a name and a value, without those that have none. @param {[string, Child | Child[]][]} pairs @param {string} [css] */
function facts(pairs, css = "facts") {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return h("dl", { class: css }, ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

const PAGE = 100; // Lines that are made at once: more would make typing into the filter slow.
const MOST_PRINTED = 5000; // Lines on paper; what is left out is said there.

/**
 * A list of which so much is shown as one can read, and more when asked for.
 * @template T
 * @param {T[]} all @param {(some: T[]) => HTMLElement} show makes what shows some of them @param {string} [what]
 */
function paged(all, show, what = "row") {
  const whole = h("div", {});
  let shown = 0;
  const more = h("button", { type: "button", class: "more" });
  const grow = () => {
    const next = all.slice(shown, shown + PAGE);
    const made = show(next);
    more.before(made);
    shown += next.length;
    const rest = all.length - shown;
    more.textContent = `Show ${Math.min(PAGE, rest).toLocaleString("en")} more of ${counted(rest, what)} that follow`;
    more.hidden = rest === 0;
    return made;
  };
  more.addEventListener("click", () => {
    const made = grow();
    made.tabIndex = -1;
    made.focus({ preventScroll: true });
  });
  more.addEventListener("everything", () => {
    for (let times = 0; !more.hidden && times < MOST_PRINTED / PAGE; times++) grow();
  });
  whole.append(more);
  grow();
  return whole;
}

/** A text with a button that copies it. @param {string} text @param {string} label */
function copyable(text, label) {
  const code = h("code", {}, text);
  const button = h("button", { type: "button", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(code); // Where a page may not write there, one key is left to press.
      button.textContent = "Selected";
    }
  });
  return h("span", { class: "copyable" }, code, button);
}
