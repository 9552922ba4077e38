// @ts-check
// The small parts that several views share: links to clauses and rows, badges and bars, sections. Whole lists and views do
// not belong here.

import { address } from "./address.js";
import { STATE_NAMES, STATES } from "./data.js";
import { h, link } from "./dom.js";
import { report, scores } from "./report.js";
import { tally } from "./score.js";

/** @typedef {import("./dom.js").Child} Child */
/** @typedef {import("./types.js").Kernel} Kernel */
/** @typedef {import("./data.js").State} State */
/** @typedef {import("./score.js").Untried} Untried */

const { kernels, clauses, texts, rows, several, rowState, stateWords, expectationOf, tailOf, idOf } = report;
const { documents } = scores;

/** @param {string} title @param {...Child} children @returns {HTMLElement[]} */
export const view = (title, ...children) => [
  h("h1", {}, title),
  .../** @type {HTMLElement[]} */ (children.filter((each) => each instanceof HTMLElement)),
];

/** @param {string} title @param {...Child} children */
export const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);

/** @param {string} what @param {string} id */
export const missing = (what, id) =>
  view(
    "Not here",
    h("p", {}, `There is no ${what} `, h("code", {}, id), " in this report."),
    h("p", {}, link("#overview", "To the overview")),
  );

/** @param {number} clause */
export const clauseLink = (clause) => link(address("clause", clauses[clause].id), h("code", {}, clauses[clause].id));

/** @param {string} query @param {...Child} children */
export const rowsLink = (query, ...children) => link(address("rows", "", { q: query }), ...children);

/** @param {number} row */
export function rowAddress(row) {
  const kernel = several ? kernels[rows.kernel[row]].label : "";
  return address("row", idOf(rows.item[row]), { kernel });
}

/** @param {number} row @param {boolean} [short] without the clause */
export const rowLink = (row, short = false) =>
  link(rowAddress(row), h("code", {}, short ? tailOf(rows.item[row]) : idOf(rows.item[row])));

/**
 * A source of a clause: the document, and the place in it.
 * @param {string} source
 */
export function sourceLink(source) {
  const [id, ...place] = source.split(" [");
  const known = documents.some((doc) => doc.id === id);
  return h("span", {}, known ? link(address("document", id), id) : id, place.length ? ` [${place.join(" [")}` : "");
}

/** @param {State} state @param {string} [words] */
export const badge = (state, words = STATES[state].one) => h("span", { class: `badge ${state}` }, words);

/** @param {number} row */
export const rowBadge = (row) => badge(rowState(row), stateWords(row));

/** @param {State} state */
export const dot = (state) =>
  h("i", { class: `dot ${state}`, role: "img", "aria-label": STATES[state].one, title: STATES[state].one });

/**
 * The words for numbers by state, without those that are none.
 * @param {Record<State, number>} counts
 */
export const inWords = (counts) =>
  STATE_NAMES.filter((state) => counts[state])
    .map((state) => `${counts[state].toLocaleString("en")} ${STATES[state].many}`)
    .join(", ");

/**
 * A bar of numbers by state.
 * @param {Record<State, number>} counts
 */
export function bar(counts) {
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

/** @param {Uint32Array} chosen */
export function tallyBar(chosen) {
  const counts = tally(Array.from(chosen, rowState));
  return h("div", { class: "tally" }, bar(counts), h("small", {}, inWords(counts)));
}

/**
 * Clauses and rows by name, so many of them.
 * @param {Untried} of @param {number} most @returns {Child[]}
 */
export function whatOf(of, most) {
  const all = [...of.clauses.map(clauseLink), ...of.rows.map((row) => rowLink(row))];
  const shown = all.slice(0, most).flatMap((each) => [each, " "]);
  return all.length > most ? [...shown, `and ${(all.length - most).toLocaleString("en")} more`] : shown;
}

/**
 * What came of a row in a sentence.
 * @param {number} row @returns {Child[]}
 */
export function said(row) {
  if (rows.reason[row]) return [texts[rows.reason[row]]];
  const code = (/** @type {number} */ text) => h("code", {}, texts[text]);
  /** @type {Child[]} */
  const sides = ["Allowed ", code(rows.expected[row]), ", observed ", code(rows.observed[row]), "."];
  const entry = expectationOf(row);
  if (entry && entry[0] !== "met") sides.push(" Written down as known: ", h("code", {}, entry[2]), ".");
  return sides;
}

/** @param {string} started */
export const moment = (started) => h("time", { datetime: started }, started.replace("T", " ").replace("+00:00", " UTC"));

/** @param {Kernel} kernel */
export const took = (kernel) => (kernel.seconds === null ? "" : `, ${kernel.seconds.toFixed(1)} s`);
