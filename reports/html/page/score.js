// @ts-check
// From rows to what people ask first: the state of a clause, a sentence, a document. results/scores.py says the same
// for the terminal, and a test holds the two together.

/**
 * The verdicts of many rows in one number: a bit for each verdict, and one for "something is unexpected".
 * @typedef {number} Mask
 */
const ANY_UNEXPECTED = 16;

/** @param {number} row @returns {Mask} */
const maskOf = (row) => (1 << (rows.verdict[row] & 3)) | (rows.verdict[row] >= UNEXPECTED ? ANY_UNEXPECTED : 0);

/** The state of many rows is the gravest of any; what was not exercised takes nothing from the others. @param {Mask} mask */
function stateOfMask(mask) {
  const unexpected = (mask & ANY_UNEXPECTED) !== 0;
  for (const verdict of [HARNESS_ERROR, DEVIATES, CONFORMS]) {
    if (mask & (1 << verdict)) return stateOf(verdict, unexpected);
  }
  return /** @type {State} */ ("none");
}

/** For each kernel the mask of each clause, from the rows given. @param {Uint32Array} chosen @returns {Uint8Array[]} */
function clauseMasks(chosen) {
  const masks = kernels.map(() => new Uint8Array(clauses.length));
  for (const row of chosen) masks[rows.kernel[row]][items.clause[rows.item[row]]] |= maskOf(row);
  return masks;
}

/** What a document says, piece by piece, as lists of clauses: its sentences where they are known, else its clauses. */
/** @param {Document_} doc @returns {number[][]} */
function statementsOf(doc) {
  if (doc.sentences.length) return doc.sentences.map((sentence) => sentence[2]);
  return (clausesByDocument.get(doc.id) ?? []).map((clause) => [clause]);
}

/** @type {Map<string, number[]>} */
const clausesByDocument = new Map();
clauses.forEach((_, clause) => {
  for (const name of documentsOf(clause)) {
    clausesByDocument.set(name, [...(clausesByDocument.get(name) ?? []), clause]);
  }
});

/** Documents that say anything: those known by sentence first, the kernel itself last. @type {Document_[]} */
const documents = data.documents
  .filter((doc) => statementsOf(doc).length)
  .map((doc, place) => ({ doc, place }))
  .sort(
    (one, other) =>
      Number(!one.doc.sentences.length) - Number(!other.doc.sentences.length) ||
      Number(one.doc.id === "kernel") - Number(other.doc.id === "kernel") ||
      (clausesByDocument.get(other.doc.id) ?? []).length - (clausesByDocument.get(one.doc.id) ?? []).length ||
      one.place - other.place,
  )
  .map(({ doc }) => doc);

/** @param {number[]} statement @param {Uint8Array} masks @returns {State} */
const stateOfStatement = (statement, masks) => stateOfMask(statement.reduce((all, clause) => all | masks[clause], 0));

/** How many are in each state. @param {Iterable<State>} states @returns {Record<State, number>} */
function tally(states) {
  const counts = { good: 0, known: 0, bad: 0, error: 0, none: 0 };
  for (const state of states) counts[state]++;
  return counts;
}

const NOT_SELECTED = "no row of it was selected for this run";

/** Why a clause was not exercised, by the rows that it has. @param {number} clause @param {number[]} of its rows */
function reasonsOf(clause, of) {
  if (clauses[clause].untestable) return [clauses[clause].untestable];
  return of.length ? [...new Set(of.map((row) => texts[rows.reason[row]]))] : [NOT_SELECTED];
}

/**
 * What was not exercised, by reason: whole clauses, and single rows where others of the clause ran.
 * @param {Uint32Array} chosen @param {boolean} whole whether clauses without rows belong to it
 * @returns {[string, {clauses: number[], rows: number[]}][]}
 */
function reasonsNotExercised(chosen, whole) {
  /** @type {Map<string, {clauses: number[], rows: number[]}>} */
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
    const missing = of.filter((row) => (rows.verdict[row] & 3) === NOT_EXERCISED);
    if (missing.length === of.length) {
      if (of.length || whole) under(reasonsOf(clause, of).join("; ")).clauses.push(clause);
    } else {
      for (const row of missing) under(texts[rows.reason[row]]).rows.push(row);
    }
  });
  const size = (/** @type {{clauses: number[], rows: number[]}} */ each) => each.clauses.length + each.rows.length;
  return [...reasons].sort(
    (one, other) =>
      Number(one[0] === NOT_SELECTED) - Number(other[0] === NOT_SELECTED) ||
      size(other[1]) - size(one[1]) ||
      (one[0] < other[0] ? -1 : 1),
  );
}
