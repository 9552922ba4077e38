// @ts-check
// The words of the filter box: plain words, and terms such as verdict:deviates or -entry:io_uring. No element of the
// page belongs here.

/** @typedef {import("./data.js").Report} Report */
/** @typedef {(row: number) => boolean} Test */

/**
 * Former names of terms, which stand in links that people have shared.
 * @type {Record<string, string>}
 */
const ALIASES = { door: "entry", world: "topology" };

/**
 * The terms of a filter: words and quoted texts are kept whole.
 * @param {string} query @returns {string[]}
 */
const termsOf = (query) => query.match(/-?(?:[a-z]+:)?"[^"]*"?|\S+/gi) ?? [];

/**
 * A value as it has to stand in a term.
 * @param {string} value
 */
export const term = (value) => (/[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value);

/**
 * Whether a text has the value in it; a * stands for anything.
 * @param {string} value @returns {(text: string) => boolean}
 */
function has(value) {
  const pieces = value.split("*");
  if (pieces.length === 1) return (text) => text.toLowerCase().includes(value);
  const pattern = new RegExp(pieces.map(quoted).join(".*"), "is");
  return (text) => pattern.test(text);
}

/**
 * Whether a text is the value; a * stands for anything.
 * @param {string} value @returns {(text: string) => boolean}
 */
function same(value) {
  const pattern = new RegExp(`^${value.split("*").map(quoted).join(".*")}$`, "is");
  return (text) => pattern.test(text);
}

/** @param {string} text */
const quoted = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * The filter of a report.
 * @param {Report} report
 */
export function filterOf(report) {
  const { kernels, clauses, texts, items, rows, itemCount, everyRow, isUnexpected, idOf } = report;

  /**
   * Where values have to be the same as a whole, by the column that they stand in.
   * @type {Record<string, (row: number) => number>}
   */
  const exact = {
    family: (row) => items.family[rows.item[row]],
    type: (row) => items.type[rows.item[row]],
    mode: (row) => items.mode[rows.item[row]],
    entry: (row) => items.entry[rows.item[row]],
    topology: (row) => rows.topology[row],
  };

  /**
   * Where a part is enough.
   * @type {Record<string, (row: number) => number>}
   */
  const parts = {
    case: (row) => items.case[rows.item[row]],
    test: (row) => items.test[rows.item[row]],
    allowed: (row) => rows.expected[row],
    observed: (row) => rows.observed[row],
    reason: (row) => rows.reason[row],
  };

  const others = ["verdict", "expected", "clause", "document", "errno", "subject", "kernel", "row", "is"];
  const keys = new Set([...Object.keys(exact), ...Object.keys(parts), ...others, ...Object.keys(ALIASES)]);

  /**
   * The rows that a filter lets through, in order, and the terms that have no meaning.
   * @param {string} query @returns {{found: Uint32Array, unknown: string[]}}
   */
  function search(query) {
    /** @type {Test[]} */
    const tests = [];
    /** @type {string[]} */
    const unknown = [];
    for (const each of termsOf(query)) {
      const test = testOf(each.replace(/^-(?=.)/, ""));
      if (test === undefined) unknown.push(each);
      else tests.push(each.length > 1 && each.startsWith("-") ? (row) => !test(row) : test);
    }
    const found = tests.length ? everyRow.filter((row) => tests.every((test) => test(row))) : everyRow;
    return { found, unknown };
  }

  /** @param {string} text a term without its minus @returns {Test | undefined} */
  function testOf(text) {
    const colon = text.indexOf(":");
    const key = text.slice(0, Math.max(colon, 0)).toLowerCase();
    if (!keys.has(key)) return wordTest(text.replaceAll('"', "").toLowerCase());
    const values = text
      .slice(colon + 1)
      .replaceAll('"', "")
      .toLowerCase()
      .split(",")
      .filter(Boolean);
    if (!values.length) return () => true; // The value is still being typed.
    const made = values.map((value) => keyTest(ALIASES[key] ?? key, value));
    if (made.some((test) => test === undefined)) return undefined;
    return (row) => made.some((test) => test?.(row));
  }

  /** @param {string} key @param {string} value @returns {Test | undefined} */
  function keyTest(key, value) {
    if (exact[key]) return flagged(exact[key], texts, same(value));
    if (parts[key]) return flagged(parts[key], texts, has(value));
    const clause = (/** @type {number} */ row) => items.clause[rows.item[row]];
    switch (key) {
      case "verdict": {
        const wanted = report.verdicts.map(same(value));
        if (value === "unexpected") return isUnexpected;
        return wanted.includes(true) ? (row) => wanted[report.verdictOf(row)] : undefined;
      }
      case "expected":
        if (/^(yes|no)$/.test(value)) return (row) => isUnexpected(row) === (value === "no");
        return undefined;
      case "is":
        if (value === "different") return byItem(report.differs);
        if (value === "unexpected") return isUnexpected;
        if (value === "known") return (row) => report.rowState(row) === "known";
        return undefined;
      case "clause": {
        const ids = clauses.map((each) => each.id);
        return flagged(clause, ids, has(value));
      }
      case "document": {
        const sources = clauses.map((each) => each.sources.join("\n"));
        return flagged(clause, sources, has(value));
      }
      case "errno":
        return (row) => report.errnosOf(row).has(value.toUpperCase());
      case "subject":
      case "row": {
        const [test, textOf] = [same(value), key === "row" ? idOf : report.subjectOf];
        return byItem((item) => test(textOf(item)));
      }
      case "kernel": {
        // A label that is given whole is meant alone, though others may begin like it.
        const labels = kernels.map((each) => each.label);
        const whole = labels.some((label) => label.toLowerCase() === value);
        return flagged((row) => rows.kernel[row], labels, whole ? same(value) : has(value));
      }
    }
    return undefined;
  }

  /**
   * Each item is looked at once, whatever the number of kernels.
   * @param {(item: number) => boolean} test @returns {Test}
   */
  function byItem(test) {
    const flags = Uint8Array.from({ length: itemCount }, (_, item) => Number(test(item)));
    return (row) => flags[rows.item[row]] === 1;
  }

  /**
   * Each text of a table is looked at once, whatever the number of rows.
   * @param {(row: number) => number} column @param {string[]} table @param {(text: string) => boolean} test @returns {Test}
   */
  function flagged(column, table, test) {
    const flags = Uint8Array.from(table, (text) => Number(test(text)));
    return (row) => flags[column(row)] === 1;
  }

  /** @type {{texts: string[], clauses: string[], expectations: string[]} | undefined} */
  let lowered;

  /** Everything that words are looked for in, in lower case; made once. */
  function lower() {
    lowered ??= {
      texts: texts.map((text) => text.toLowerCase()),
      clauses: clauses.map((each) =>
        [each.id, each.title, each.statement, each.expected, each.disagreement, ...each.sources]
          .join("\n")
          .toLowerCase(),
      ),
      expectations: ["", ...report.expectations.map((each) => `${each[3]}\n${each[4]}`.toLowerCase())],
    };
    return lowered;
  }

  /**
   * A plain word is looked for in the clause, the variant, both sides, and every reason.
   * @param {string} word @returns {Test}
   */
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

  /** `prepare` does what the first search would have to wait for. */
  return { search, prepare: () => void lower() };
}
