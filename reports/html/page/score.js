// @ts-check
// From many rows to one state: of a clause, a sentence, a document; and the reasons why something was not exercised. No element
// of the page belongs here. results/scores.py says the same for the terminal, and a test holds the two together.

import { CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, stateOf } from "./data.js";

/** @typedef {import("./data.js").Report} Report */
/** @typedef {import("./data.js").State} State */
/** @typedef {import("./types.js").Document_} Document_ */
/**
 * The verdicts of many rows in one number: a bit for each verdict, and one for "something is unexpected".
 * @typedef {number} Mask
 */
/**
 * What was not exercised for one reason: numbers of clauses and of rows.
 * @typedef {{clauses: number[], rows: number[]}} Untried
 */

export const ANY_UNEXPECTED = 16;
const NOT_SELECTED = "no row of it was selected for this run";

/**
 * The state of many rows is the gravest of any; what was not exercised takes nothing from the others.
 * @param {Mask} mask @returns {State}
 */
export function stateOfMask(mask) {
  const unexpected = (mask & ANY_UNEXPECTED) !== 0;
  for (const verdict of [HARNESS_ERROR, DEVIATES, CONFORMS]) {
    if (mask & (1 << verdict)) return stateOf(verdict, unexpected);
  }
  return "none";
}

/**
 * The state of a statement, from the masks of all clauses.
 * @param {number[]} statement its clauses @param {Uint8Array} masks
 */
export const stateOfStatement = (statement, masks) =>
  stateOfMask(statement.reduce((all, clause) => all | masks[clause], 0));

/**
 * How many are in each state.
 * @param {Iterable<State>} states @returns {Record<State, number>}
 */
export function tally(states) {
  const counts = { good: 0, known: 0, bad: 0, error: 0, none: 0 };
  for (const state of states) counts[state]++;
  return counts;
}

/**
 * The documents of a report in the order of reading, and the functions that score its rows.
 * @param {Report} report
 */
export function scoresOf(report) {
  const { kernels, clauses, texts, items, rows, verdictOf, isUnexpected, documentsOf } = report;

  /** @param {number} row @returns {Mask} */
  const maskOf = (row) => (1 << verdictOf(row)) | (isUnexpected(row) ? ANY_UNEXPECTED : 0);

  /**
   * For each kernel the mask of each clause, from the rows given.
   * @param {Uint32Array} chosen @returns {Uint8Array[]}
   */
  function clauseMasks(chosen) {
    const masks = kernels.map(() => new Uint8Array(clauses.length));
    for (const row of chosen) masks[rows.kernel[row]][items.clause[rows.item[row]]] |= maskOf(row);
    return masks;
  }

  /** @type {Map<string, number[]>} */
  const byDocument = new Map();
  clauses.forEach((_, clause) => {
    for (const name of documentsOf(clause)) byDocument.set(name, [...(byDocument.get(name) ?? []), clause]);
  });

  /**
   * The clauses of a document, by number.
   * @param {Document_} doc
   */
  const clausesOf = (doc) => byDocument.get(doc.id) ?? [];

  /**
   * What a document says, as lists of clauses: its sentences where they are known, else its clauses.
   * @param {Document_} doc @returns {number[][]}
   */
  function statementsOf(doc) {
    if (doc.sentences.length) return doc.sentences.map((sentence) => sentence[2]);
    return clausesOf(doc).map((clause) => [clause]);
  }

  /**
   * Documents that say anything: those known by sentence first, the kernel itself last.
   * @type {Document_[]}
   */
  const documents = report.documents
    .filter((doc) => statementsOf(doc).length)
    .map((doc, place) => ({ doc, place }))
    .sort(
      (one, other) =>
        Number(!one.doc.sentences.length) - Number(!other.doc.sentences.length) ||
        Number(one.doc.id === "kernel") - Number(other.doc.id === "kernel") ||
        clausesOf(other.doc).length - clausesOf(one.doc).length ||
        one.place - other.place,
    )
    .map(({ doc }) => doc);

  /**
   * Why a clause was not exercised, by the rows that it has.
   * @param {number} clause @param {number[]} of its rows
   */
  function reasonsOf(clause, of) {
    if (clauses[clause].untestable) return [clauses[clause].untestable];
    return of.length ? [...new Set(of.map((row) => texts[rows.reason[row]]))] : [NOT_SELECTED];
  }

  /**
   * What was not exercised, by reason: whole clauses, and single rows where others of the clause ran.
   * @param {Uint32Array} chosen @param {boolean} whole whether clauses without rows belong to it
   * @returns {[string, Untried][]}
   */
  function reasonsNotExercised(chosen, whole) {
    /** @type {Map<string, Untried>} */
    const reasons = new Map();
    /** @param {string} reason */
    const under = (reason) => {
      const known = reasons.get(reason) ?? { clauses: [], rows: [] };
      reasons.set(reason, known);
      return known;
    };
    /** @type {number[][]} */
    const byClause = clauses.map(() => []);
    for (const row of chosen) byClause[items.clause[rows.item[row]]].push(row);
    byClause.forEach((of, clause) => {
      const missing = of.filter((row) => verdictOf(row) === NOT_EXERCISED);
      if (missing.length === of.length) {
        if (of.length || whole) under(reasonsOf(clause, of).join("; ")).clauses.push(clause);
      } else {
        for (const row of missing) under(texts[rows.reason[row]]).rows.push(row);
      }
    });
    const size = (/** @type {Untried} */ each) => each.clauses.length + each.rows.length;
    return [...reasons].sort(
      (one, other) =>
        Number(one[0] === NOT_SELECTED) - Number(other[0] === NOT_SELECTED) ||
        size(other[1]) - size(one[1]) ||
        (one[0] < other[0] ? -1 : 1),
    );
  }

  return { maskOf, clauseMasks, clausesOf, statementsOf, documents, reasonsOf, reasonsNotExercised };
}
