// @ts-check
// How elements are made: from tags, attributes and texts, never from markup, so that no text can become any; and how
// numbers and times are written. Nothing that looks at the report's data belongs here.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element with attributes (``null`` and ``false`` leave one out) and children.
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...(Child | Child[])} children @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * The same for a drawing.
 * @param {string} tag @param {Record<string, string | number | boolean | null | undefined>} attributes
 * @param {...(Child | Child[])} children @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
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

/** @param {string} href @param {...Child} children */
export const link = (href, ...children) => h("a", { href }, ...children);

/** @param {Child} name @param {string} [css] */
export const column = (name, css) => h("th", { scope: "col", class: css }, name);

/**
 * A table that scrolls by itself where it is too wide.
 * @param {string} label @param {Child[]} head @param {Child[]} body rows, or whole bodies @param {string} [css]
 */
export function table(label, head, body, css = "") {
  const bodies = body.some((each) => each instanceof Element && each.tagName === "TBODY")
    ? body
    : [h("tbody", {}, body)];
  const made = /** @type {HTMLTableElement} */ (h("table", { class: css }, h("caption", { class: "unseen" }, label)));
  if (head.length) made.append(h("thead", {}, h("tr", {}, head)));
  made.append(.../** @type {Node[]} */ (bodies.filter((each) => each instanceof Node)));
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

/**
 * Pairs of a name and a value, without those that have none.
 * @param {[string, Child | Child[]][]} pairs @param {string} [css]
 */
export function facts(pairs, css = "facts") {
  const shown = pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined && value !== false);
  return h("dl", { class: css }, ...shown.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/**
 * A text with a button that copies it.
 * @param {string} text @param {string} label
 */
export function copyable(text, label) {
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

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/**
 * A time in the unit that reads best.
 * @param {number} microseconds
 */
export function duration(microseconds) {
  if (microseconds >= 1e6) return `${(microseconds / 1e6).toFixed(microseconds >= 1e7 ? 1 : 2)} s`;
  if (microseconds >= 1e3) return `${(microseconds / 1e3).toFixed(microseconds >= 1e5 ? 0 : 1)} ms`;
  return `${microseconds} µs`;
}

/** @param {string} text */
export const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
