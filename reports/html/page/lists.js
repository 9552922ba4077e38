// @ts-check
// Lists of rows: by clause, one line a row, and a column for each kernel where there are several; and how a long list grows.

import { address } from "./address.js";
import { column, counted, duration, h, link, table } from "./dom.js";
import { clauseLink, rowAddress, rowBadge, rowLink, said } from "./pieces.js";
import { report } from "./report.js";

const { kernels, clauses, texts, items, rows, several, firstRow, tailOf, idOf, rowsOf, differs } = report;

export const PAGE = 100; // Lines that are made at once: more would make typing into the filter slow.
const MOST_PRINTED = 5000; // Lines on paper; what is left out is said there.

/**
 * A list of which so much is shown as one can read, and more when asked for.
 * @template T
 * @param {T[]} all @param {(some: T[]) => HTMLElement} show makes what shows some of them @param {string} [what]
 */
export function paged(all, show, what = "row") {
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

/**
 * The items of rows that are in order, each once.
 * @param {Iterable<number>} chosen @returns {number[]}
 */
function itemsOf(chosen) {
  const found = [];
  let last = -1;
  for (const row of chosen) {
    if (rows.item[row] !== last) found.push((last = rows.item[row]));
  }
  return found;
}

/**
 * A list of rows under their clauses.
 * @param {Iterable<number>} chosen @param {{headings?: boolean}} options
 */
export function rowList(chosen, { headings = true } = {}) {
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

/**
 * Rows with the whole id, each with what is to be said of it: for short lists.
 * @param {number[]} chosen
 */
export function tellingList(chosen) {
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
