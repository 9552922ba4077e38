// @ts-check
// Lists of rows: by clause, one line a row, and a column for each kernel where there are several.

/** The items of rows that are in order, each once. @param {Iterable<number>} chosen @returns {number[]} */
function itemsOf(chosen) {
  const found = [];
  let last = -1;
  for (const row of chosen) {
    if (rows.item[row] !== last) found.push((last = rows.item[row]));
  }
  return found;
}

/** A list of rows under their clauses. @param {Iterable<number>} chosen @param {{headings?: boolean}} [options] */
function rowList(chosen, { headings = true } = {}) {
  const all = itemsOf(chosen);
  const head = several
    ? [column("Row"), ...kernels.map((kernel) => column(kernel.label))]
    : [column("Verdict"), column("Row"), column("Allowed"), column("Observed"), column("Time", "number")];
  return paged(all, (some) => {
    /** @type {HTMLElement[]} */
    const bodies = [];
    let last = -1;
    for (const item of some) {
      const clause = items.clause[item];
      if (clause !== last || !bodies.length) {
        bodies.push(h("tbody", {}, headings && clauseHeading(clause, head.length)));
        last = clause;
      }
      bodies[bodies.length - 1].append(several ? lineOfKernels(item) : line(firstRow[item]));
    }
    return table("Rows", head, bodies, `rows ${several ? "compare" : ""}`);
  });
}

/** @param {number} clause @param {number} width */
const clauseHeading = (clause, width) =>
  h(
    "tr",
    { class: "heading" },
    h("th", { scope: "rowgroup", colspan: width }, clauseLink(clause), " ", h("span", {}, clauses[clause].title)),
  );

/** @param {number} row */
function line(row) {
  const reason = texts[rows.reason[row]];
  return h(
    "tr",
    {},
    h("td", {}, rowBadge(row)),
    h("th", { scope: "row" }, rowLink(row, true)),
    h("td", {}, rows.expected[row] ? h("code", {}, texts[rows.expected[row]]) : ""),
    h("td", {}, rows.observed[row] ? h("code", {}, texts[rows.observed[row]]) : "", reason && h("small", {}, reason)),
    h("td", { class: "number" }, duration(rows.time[row])),
  );
}

/** @param {number} item */
function lineOfKernels(item) {
  const found = rowsOf(item);
  return h(
    "tr",
    { class: differs(item) ? "differs" : "" },
    h("th", { scope: "row" }, link(address("row", idOf(item)), h("code", {}, tailOf(item)))),
    ...kernels.map((_, kernel) => {
      const row = found.find((each) => rows.kernel[each] === kernel);
      if (row === undefined) return h("td", {}, h("small", {}, "no such row"));
      const seen = texts[rows.observed[row]];
      return h("td", {}, link(rowAddress(row), rowBadge(row)), seen && " ", seen && h("code", {}, seen));
    }),
  );
}

/** Rows with the whole id, each with what is to be said of it: for short lists. @param {number[]} chosen */
function tellingList(chosen) {
  return paged(chosen, (some) =>
    h(
      "ul",
      { class: "telling" },
      ...some.map((row) =>
        h(
          "li",
          {},
          rowBadge(row),
          " ",
          rowLink(row),
          several && h("small", {}, ` ${kernels[rows.kernel[row]].label}`),
          h("p", {}, ...said(row)),
        ),
      ),
    ),
  );
}

/** What came of a row in a sentence. @param {number} row @returns {Child[]} */
function said(row) {
  if (rows.reason[row]) return [texts[rows.reason[row]]];
  const code = (/** @type {number} */ text) => h("code", {}, texts[text]);
  /** @type {Child[]} */
  const sides = ["Allowed ", code(rows.expected[row]), ", observed ", code(rows.observed[row]), "."];
  const entry = data.expectations[rows.expectation[row] - 1];
  if (entry && entry[0] !== "met") sides.push(" Written down as known: ", h("code", {}, entry[2]), ".");
  return sides;
}
