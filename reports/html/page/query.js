// @ts-check
// The words of the filter box: plain words, and terms such as verdict:deviates or -entry:io_uring.

/** @typedef {(row: number) => boolean} Test */

/** @type {{texts: string[], clauses: string[], expectations: string[]} | undefined} */
let lowered;

/** Everything that words are looked for in, in lower case; made once. */
function lower() {
  lowered ??= {
    texts: texts.map((text) => text.toLowerCase()),
    clauses: clauses.map((each) =>
      [each.id, each.title, each.statement, each.expected, each.disagreement, ...each.sources].join("\n").toLowerCase(),
    ),
    expectations: ["", ...data.expectations.map((each) => `${each[3]}\n${each[4]}`.toLowerCase())],
  };
  return lowered;
}

/** Where values have to be the same as a whole (a * stands for anything), by the column that they stand in. */
/** @type {Record<string, (row: number) => number>} */
const EXACT = {
  family: (row) => items.family[rows.item[row]],
  type: (row) => items.type[rows.item[row]],
  mode: (row) => items.mode[rows.item[row]],
  entry: (row) => items.entry[rows.item[row]],
  topology: (row) => rows.topology[row],
};

/** Where a part is enough. @type {Record<string, (row: number) => number>} */
const PARTS = {
  case: (row) => items.case[rows.item[row]],
  test: (row) => items.test[rows.item[row]],
  allowed: (row) => rows.expected[row],
  observed: (row) => rows.observed[row],
  reason: (row) => rows.reason[row],
};

const KEYS = [...Object.keys(EXACT), ...Object.keys(PARTS)].concat([
  "verdict",
  "expected",
  "clause",
  "document",
  "errno",
  "subject",
  "kernel",
  "row",
  "is",
]);

/** The terms of a filter: words and quoted texts are kept whole. @param {string} query @returns {string[]} */
const termsOf = (query) => query.match(/-?(?:[a-z]+:)?"[^"]*"?|\S+/gi) ?? [];

/**
 * The rows that a filter lets through, in order, and the terms that nobody understands.
 * @param {string} query @returns {{found: Uint32Array, unknown: string[]}}
 */
function search(query) {
  /** @type {Test[]} */
  const tests = [];
  /** @type {string[]} */
  const unknown = [];
  for (const term of termsOf(query)) {
    const test = testOf(term.replace(/^-(?=.)/, ""));
    if (test === undefined) unknown.push(term);
    else tests.push(term.length > 1 && term.startsWith("-") ? (row) => !test(row) : test);
  }
  const found = tests.length ? everyRow.filter((row) => tests.every((test) => test(row))) : everyRow;
  return { found, unknown };
}

/** @param {string} term @returns {Test | undefined} */
function testOf(term) {
  const colon = term.indexOf(":");
  const key = term.slice(0, Math.max(colon, 0)).toLowerCase();
  if (!KEYS.includes(key)) return wordTest(term.replaceAll('"', "").toLowerCase());
  const values = term
    .slice(colon + 1)
    .replaceAll('"', "")
    .toLowerCase()
    .split(",")
    .filter(Boolean);
  if (!values.length) return () => true; // Somebody is still typing.
  const made = values.map((value) => keyTest(key, value));
  if (made.some((test) => test === undefined)) return undefined;
  return (row) => made.some((test) => test?.(row));
}

/** @param {string} key @param {string} value @returns {Test | undefined} */
function keyTest(key, value) {
  if (EXACT[key]) return flagged(EXACT[key], texts, same(value));
  if (PARTS[key]) return flagged(PARTS[key], texts, has(value));
  const clause = (/** @type {number} */ row) => items.clause[rows.item[row]];
  const byItem = (/** @type {(item: number) => boolean} */ test) => {
    const flags = Uint8Array.from({ length: itemCount }, (_, item) => Number(test(item)));
    return (/** @type {number} */ row) => flags[rows.item[row]] === 1;
  };
  switch (key) {
    case "verdict": {
      const wanted = data.verdicts.map(same(value));
      if (value === "unexpected") return (row) => rows.verdict[row] >= UNEXPECTED;
      return wanted.includes(true) ? (row) => wanted[rows.verdict[row] & 3] : undefined;
    }
    case "expected":
      if (/^(yes|no)$/.test(value)) return (row) => rows.verdict[row] >= UNEXPECTED === (value === "no");
      return undefined;
    case "is":
      if (value === "different") return byItem(differs);
      if (value === "unexpected") return (row) => rows.verdict[row] >= UNEXPECTED;
      if (value === "known") return (row) => rowState(row) === "known";
      return undefined;
    case "clause":
      return flagged(
        clause,
        clauses.map((each) => each.id),
        has(value),
      );
    case "document":
      return flagged(
        clause,
        clauses.map((each) => each.sources.join("\n")),
        has(value),
      );
    case "errno":
      return (row) => errnosOf(row).has(value.toUpperCase());
    case "subject":
      return byItem((item) => same(value)(subjectOf(item)));
    case "row":
      return byItem((item) => same(value)(idOf(item)));
    case "kernel": {
      // A label that somebody gives whole is meant alone, though others may begin like it.
      const labels = kernels.map((each) => each.label);
      const whole = labels.some((label) => label.toLowerCase() === value);
      return flagged((row) => rows.kernel[row], labels, whole ? same(value) : has(value));
    }
  }
  return undefined;
}

/** Each text of a table is looked at once, whatever the number of rows. */
/** @param {(row: number) => number} column @param {string[]} table @param {(text: string) => boolean} test @returns {Test} */
function flagged(column, table, test) {
  const flags = Uint8Array.from(table, (text) => Number(test(text)));
  return (row) => flags[column(row)] === 1;
}

/** @param {string} value @returns {(text: string) => boolean} */
const has = (value) => {
  const pieces = value.split("*");
  if (pieces.length === 1) return (text) => text.toLowerCase().includes(value);
  const pattern = new RegExp(pieces.map(quoted).join(".*"), "is");
  return (text) => pattern.test(text);
};

/** @param {string} value @returns {(text: string) => boolean} */
const same = (value) => {
  const pattern = new RegExp(`^${value.split("*").map(quoted).join(".*")}$`, "is");
  return (text) => pattern.test(text);
};

/** @param {string} text */
const quoted = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** A plain word is looked for in the clause, the variant, both sides, and every reason. @param {string} word @returns {Test} */
function wordTest(word) {
  const whole = lower();
  const inClauses = Uint8Array.from(whole.clauses, (text) => Number(text.includes(word)));
  const inTexts = Uint8Array.from(whole.texts, (text) => Number(text.includes(word)));
  const inExpectations = Uint8Array.from(whole.expectations, (text) => Number(text.includes(word)));
  /** @type {Uint8Array | undefined} */
  let inIds;
  if (word.includes("/")) {
    inIds = Uint8Array.from({ length: itemCount }, (_, item) => Number(idOf(item).toLowerCase().includes(word)));
  }
  return (row) => {
    const item = rows.item[row];
    return Boolean(
      inClauses[items.clause[item]] ||
      inTexts[items.tail[item]] ||
      inTexts[rows.expected[row]] ||
      inTexts[rows.observed[row]] ||
      inTexts[rows.reason[row]] ||
      inTexts[items.test[item]] ||
      inExpectations[rows.expectation[row]] ||
      inIds?.[item],
    );
  };
}
