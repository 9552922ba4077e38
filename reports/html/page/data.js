// @ts-check
// How rows, clauses and texts are looked up in the report's data. No element of the page, and no score of many rows,
// belongs here.

/** @typedef {import("./types.js").Data} Data */
/** @typedef {"good" | "known" | "bad" | "error" | "none"} State */
/** @typedef {ReturnType<typeof openReport>} Report */

export const CONFORMS = 0;
export const DEVIATES = 1;
export const NOT_EXERCISED = 2;
export const HARNESS_ERROR = 3;
const UNEXPECTED = 4; // Added to a verdict.

/**
 * The words for a state, of one row and of many; in the order in which bars show them.
 * @type {Record<State, {one: string, many: string}>}
 */
export const STATES = {
  good: { one: "conforms", many: "conform" },
  known: { one: "deviates, as expected", many: "deviate as expected" },
  bad: { one: "deviates", many: "unexpected" },
  error: { one: "harness error", many: "harness errors" },
  none: { one: "not exercised", many: "not exercised" },
};
export const STATE_NAMES = /** @type {State[]} */ (Object.keys(STATES));

/** @param {number} verdict @param {boolean} unexpected @returns {State} */
export function stateOf(verdict, unexpected) {
  if (verdict === HARNESS_ERROR) return "error";
  if (verdict === NOT_EXERCISED) return "none";
  if (unexpected) return "bad";
  return verdict === CONFORMS ? "good" : "known";
}

/**
 * The data with the functions that look things up in them; rows, items and clauses are numbers everywhere.
 * @param {Data} data
 */
export function openReport(data) {
  const { kernels, clauses, texts, items, rows } = data;
  const rowCount = rows.item.length;
  const itemCount = items.clause.length;
  const everyRow = Uint32Array.from({ length: rowCount }, (_, row) => row);

  /**
   * The verdict without whether it is expected.
   * @param {number} row
   */
  const verdictOf = (row) => rows.verdict[row] & 3;

  /** @param {number} row */
  const isUnexpected = (row) => rows.verdict[row] >= UNEXPECTED;

  /** @param {number} row @returns {State} */
  const rowState = (row) => stateOf(verdictOf(row), isUnexpected(row));

  /**
   * The words for a row's state; a row may conform though an expectation says otherwise.
   * @param {number} row
   */
  function stateWords(row) {
    const state = rowState(row);
    return state === "bad" && verdictOf(row) === CONFORMS ? "conforms, unexpectedly" : STATES[state].one;
  }

  /**
   * The expectation that a row has; undefined where there is none.
   * @param {number} row
   */
  const expectationOf = (row) => rows.expectation[row] ? data.expectations[rows.expectation[row] - 1] : undefined;

  /** @param {number} item */
  const clauseOf = (item) => clauses[items.clause[item]];

  /**
   * The part of an item's id behind the clause's.
   * @param {number} item
   */
  const tailOf = (item) => texts[items.tail[item]].replace(/^\//, "");

  /** @param {number} item */
  function idOf(item) {
    const tail = texts[items.tail[item]];
    return tail.startsWith("/") ? tail.slice(1) : `${clauseOf(item).id}/${tail}`;
  }

  /**
   * The module of a test, in words: what the row is about.
   * @param {number} item
   */
  function subjectOf(item) {
    const file = texts[items.test[item]].split("::")[0];
    const name = file.split("/").pop() ?? "";
    return name.replace(/^test_|\.py$/g, "").replaceAll("_", " ") || "other";
  }

  /** The first row of each item; its rows of other kernels follow. */
  const firstRow = new Uint32Array(itemCount + 1).fill(rowCount);
  for (let row = rowCount - 1; row >= 0; row--) firstRow[rows.item[row]] = row;

  /**
   * The rows of an item, in the order of the kernels.
   * @param {number} item @returns {number[]}
   */
  function rowsOf(item) {
    const found = [];
    for (let row = firstRow[item]; row < rowCount && rows.item[row] === item; row++) found.push(row);
    return found;
  }

  /**
   * The row of an item on the kernel with that label; without such a kernel the first that is unexpected, or deviates.
   * @param {number} item @param {string} label
   */
  function rowToShow(item, label) {
    const found = rowsOf(item);
    return (
      found.find((row) => kernels[rows.kernel[row]].label === label) ??
      found.find(isUnexpected) ??
      found.find((row) => verdictOf(row) === DEVIATES) ??
      found[0]
    );
  }

  /** @type {Map<string, number> | undefined} */
  let idNumbers;

  /**
   * The number of the item with that id; undefined where there is none.
   * @param {string} id
   */
  function itemOf(id) {
    idNumbers ??= new Map(Array.from({ length: itemCount }, (_, item) => [idOf(item), item]));
    return idNumbers.get(id);
  }

  /**
   * Whether two rows have the same verdict and observed the same.
   * @param {number} one @param {number} other
   */
  const agree = (one, other) => verdictOf(one) === verdictOf(other) && rows.observed[one] === rows.observed[other];

  /**
   * Whether kernels differ about an item: in the verdict, in what was observed, or in whether there is a row.
   * @param {number} item
   */
  function differs(item) {
    const found = rowsOf(item);
    return found.length !== kernels.length || found.some((row) => !agree(row, found[0]));
  }

  /**
   * Whether kernels that tried an item had different outcomes.
   * @param {number} item
   */
  function contradicts(item) {
    const tried = rowsOf(item).filter((row) => [CONFORMS, DEVIATES].includes(verdictOf(row)));
    return tried.some((row) => !agree(row, tried[0]));
  }

  /**
   * The documents that state a clause, each once.
   * @param {number} clause @returns {string[]}
   */
  const documentsOf = (clause) => [...new Set(clauses[clause].sources.map((source) => source.split(" [")[0]))];

  const knownErrnos = new Set(data.errnos);
  /** @type {Map<string, string[]>} */
  const errnosSeen = new Map();

  /**
   * The errnos that are named in a text.
   * @param {string} text @returns {string[]}
   */
  function errnosIn(text) {
    let found = errnosSeen.get(text);
    if (found === undefined) {
      found = [...new Set(text.match(/E[A-Z0-9]+/g) ?? [])].filter((name) => knownErrnos.has(name));
      errnosSeen.set(text, found);
    }
    return found;
  }

  /**
   * The errnos that a row is about: those its clause is named for, those allowed and the one observed.
   * @param {number} row
   */
  function errnosOf(row) {
    return new Set([
      ...errnosIn(clauseOf(rows.item[row]).id),
      ...errnosIn(texts[rows.expected[row]]),
      ...errnosIn(texts[rows.observed[row]]),
    ]);
  }

  return {
    ...data,
    several: kernels.length > 1,
    itemCount,
    everyRow,
    firstRow,
    verdictOf,
    isUnexpected,
    rowState,
    stateWords,
    expectationOf,
    tailOf,
    idOf,
    subjectOf,
    rowsOf,
    rowToShow,
    itemOf,
    differs,
    contradicts,
    documentsOf,
    errnosOf,
  };
}
