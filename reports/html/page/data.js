// @ts-check
"use strict";
// The report's data: what stands in the page as JSON (written by reports/html/page_data.py), and how rows are looked up in it.

/**
 * @typedef {{label: string, base: string, name: string, release: string, version: string, machine: string, started: string,
 *   privilege: string, carrier: string, distribution: string, cpus: string, libc: string, python: string, host: string, kconform: string,
 *   command: string, config: [string, string][], sysctls: [string, string][],
 *   features: [string, boolean, string, string][], rows: number, seconds: number | null, incomplete: string,
 *   damaged: string[]}} Kernel
 * @typedef {{id: string, title: string, statement: string, expected: string, untestable: string, disagreement: string,
 *   sources: string[]}} Clause
 * @typedef {{id: string, title: string, sentences: [string, string, number[]][]}} Document_
 * @typedef {"good" | "known" | "bad" | "error" | "none"} State
 * @typedef {{item: number[], kernel: number[], verdict: number[], time: number[], expected: number[],
 *   observed: number[], reason: number[], expectation: number[], topology: number[]}} RowColumns
 * @typedef {{clause: number[], tail: number[], family: number[], type: number[], mode: number[], entry: number[],
 *   case: number[], test: number[]}} ItemColumns
 * @typedef {{part: number, verdicts: string[], errnos: string[], kernels: Kernel[], title: string,
 *   documents: Document_[], clauses: Clause[], texts: string[],
 *   expectations: [string, string, string, string, string][], items: ItemColumns, rows: RowColumns}} Data
 */

/** @type {Data} */
const data = JSON.parse(document.getElementById("data")?.textContent ?? "");
const { kernels, clauses, texts, items, rows } = data;
const several = kernels.length > 1;
const rowCount = rows.item.length;
const itemCount = items.clause.length;
const everyRow = Uint32Array.from({ length: rowCount }, (_, row) => row);

const CONFORMS = 0;
const DEVIATES = 1;
const NOT_EXERCISED = 2;
const HARNESS_ERROR = 3;
const UNEXPECTED = 4; // Added to a verdict.

/** What a state is called, of one row and of many; in the order in which bars show them. */
/** @type {Record<State, {one: string, many: string}>} */
const STATES = {
  good: { one: "conforms", many: "conform" },
  known: { one: "deviates, as expected", many: "deviate as expected" },
  bad: { one: "deviates", many: "unexpected" },
  error: { one: "harness error", many: "harness errors" },
  none: { one: "not exercised", many: "not exercised" },
};
const STATE_NAMES = /** @type {State[]} */ (Object.keys(STATES));

/** @param {number} verdict @param {boolean} unexpected @returns {State} */
function stateOf(verdict, unexpected) {
  if (verdict === HARNESS_ERROR) return "error";
  if (verdict === NOT_EXERCISED) return "none";
  if (unexpected) return "bad";
  return verdict === CONFORMS ? "good" : "known";
}

/** @param {number} row @returns {State} */
const rowState = (row) => stateOf(rows.verdict[row] & 3, rows.verdict[row] >= UNEXPECTED);

/** The words for a row's state: one that conforms against what is written down is called so. @param {number} row */
function stateWords(row) {
  const state = rowState(row);
  return state === "bad" && (rows.verdict[row] & 3) === CONFORMS ? "conforms, unexpectedly" : STATES[state].one;
}

/** @param {number} item */
const clauseOf = (item) => clauses[items.clause[item]];

/** The part of an item's id behind the clause's. @param {number} item */
const tailOf = (item) => texts[items.tail[item]].replace(/^\//, "");

/** @param {number} item */
function idOf(item) {
  const tail = texts[items.tail[item]];
  return tail.startsWith("/") ? tail.slice(1) : `${clauseOf(item).id}/${tail}`;
}

/** The module of a test, in words: what the row is about. @param {number} item */
function subjectOf(item) {
  const file = texts[items.test[item]].split("::")[0];
  const name = file.split("/").pop() ?? "";
  return name.replace(/^test_|\.py$/g, "").replaceAll("_", " ") || "other";
}

/** The first row of each item; its rows of other kernels follow. */
const firstRow = new Uint32Array(itemCount + 1).fill(rowCount);
for (let row = rowCount - 1; row >= 0; row--) firstRow[rows.item[row]] = row;

/** The rows of an item, in the order of the kernels. @param {number} item @returns {number[]} */
function rowsOf(item) {
  const found = [];
  for (let row = firstRow[item]; row < rowCount && rows.item[row] === item; row++) found.push(row);
  return found;
}

/** @type {Map<string, number> | undefined} */
let idNumbers;

/** The number of the item with that id; undefined where there is none. @param {string} id */
function itemOf(id) {
  idNumbers ??= new Map(Array.from({ length: itemCount }, (_, item) => [idOf(item), item]));
  return idNumbers.get(id);
}

/** Whether kernels differ about an item: in the verdict, in what was observed, or in whether there is a row. @param {number} item */
function differs(item) {
  const found = rowsOf(item);
  if (found.length !== kernels.length) return true;
  return found.some(
    (row) => (rows.verdict[row] & 3) !== (rows.verdict[found[0]] & 3) || rows.observed[row] !== rows.observed[found[0]],
  );
}

/** Whether kernels that tried an item came to different ends. @param {number} item */
function contradicts(item) {
  const tried = rowsOf(item).filter((row) => [CONFORMS, DEVIATES].includes(rows.verdict[row] & 3));
  return tried.some(
    (row) => (rows.verdict[row] & 3) !== (rows.verdict[tried[0]] & 3) || rows.observed[row] !== rows.observed[tried[0]],
  );
}

/** @param {number} clause @returns {string[]} the documents that state a clause, each once */
const documentsOf = (clause) => [...new Set(clauses[clause].sources.map((source) => source.split(" [")[0]))];

const knownErrnos = new Set(data.errnos);
/** @type {Map<string, string[]>} */
const errnosSeen = new Map();

/** The errnos that are named in a text. @param {string} text @returns {string[]} */
function errnosIn(text) {
  let found = errnosSeen.get(text);
  if (found === undefined) {
    found = [...new Set(text.match(/E[A-Z0-9]+/g) ?? [])].filter((name) => knownErrnos.has(name));
    errnosSeen.set(text, found);
  }
  return found;
}

/** The errnos that a row is about: those its clause is named for, those allowed and the one observed. @param {number} row */
function errnosOf(row) {
  return new Set([
    ...errnosIn(clauseOf(rows.item[row]).id),
    ...errnosIn(texts[rows.expected[row]]),
    ...errnosIn(texts[rows.observed[row]]),
  ]);
}
