// @ts-check
// The views that show all rows by something, or those that a filter lets through.

import { address } from "./address.js";
import { DEVIATES, STATE_NAMES, STATES } from "./data.js";
import { column, counted, duration, h, table } from "./dom.js";
import { PAGE, paged, rowList } from "./lists.js";
import { bar, clauseLink, inWords, rowBadge, rowLink, rowsLink, said, section, view, whatOf } from "./pieces.js";
import { term } from "./query.js";
import { report, scores } from "./report.js";
import { tally } from "./score.js";

/**
 * The rows that a filter lets through, and the filter.
 * @typedef {{found: Uint32Array, query: string}} Chosen
 */

const { kernels, clauses, texts, items, rows, several, verdictOf, rowState, expectationOf, subjectOf, errnosOf } = report;
const { clauseMasks, reasonsNotExercised } = scores;

/**
 * The words of a filter with one more term.
 * @param {string} query @param {string} more
 */
const narrowed = (query, more) => `${query} ${more}`.trim();

/** @param {Chosen} chosen */
export function rowsView({ found, query }) {
  const counts = tally(Array.from(found, rowState));
  return view(
    query ? "Rows that match" : "All rows",
    h("div", { class: "tally summary" }, found.length > 0 && bar(counts), h("span", {}, inWords(counts))),
    found.length ? rowList(found) : h("p", {}, "No row matches."),
  );
}

/**
 * One line for each group of rows: its name, its number of rows, and a bar.
 * @param {string} what @param {Map<string, number[]>} groups @param {(name: string) => string} termOf @param {string} query
 */
function groupTable(what, groups, termOf, query) {
  return table(
    what,
    [column(what), column("Rows", "number"), column("Outcome", "wide")],
    [...groups].map(([name, of]) => {
      const counts = tally(of.map(rowState));
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, rowsLink(narrowed(query, termOf(name)), name)),
        h("td", { class: "number" }, of.length.toLocaleString("en")),
        h("td", { class: "wide" }, h("div", { class: "tally" }, bar(counts), h("small", {}, inWords(counts)))),
      );
    }),
  );
}

/** @param {Uint32Array} found @param {(row: number) => Iterable<string>} namesOf @returns {Map<string, number[]>} by name */
function grouped(found, namesOf) {
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  for (const row of found) {
    for (const name of namesOf(row)) {
      const of = groups.get(name);
      if (of) of.push(row);
      else groups.set(name, [row]);
    }
  }
  return new Map([...groups].sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** @param {Chosen} chosen */
export const errnoView = ({ found, query }) =>
  view(
    "By errno",
    h(
      "p",
      { class: "soft" },
      "A row stands under each errno that its clause is named for, that it allows, or that was observed.",
    ),
    groupTable("Errno", grouped(found, errnosOf), (name) => `errno:${name}`, query),
  );

/** @param {Chosen} chosen */
export const subjectView = ({ found, query }) =>
  view(
    "By subject",
    h("p", { class: "soft" }, "A subject is a module of tests."),
    groupTable(
      "Subject",
      grouped(found, (row) => [subjectOf(rows.item[row])]),
      (name) => `subject:${term(name)}`,
      query,
    ),
  );

/** @param {Chosen} chosen */
export function matrixView({ found, query }) {
  /** @param {"family" | "type" | "mode" | "entry"} name @param {number} row */
  const value = (name, row) => texts[items[name][rows.item[row]]];
  const kinds = grouped(found, (row) => [`${value("family", row)} ${value("type", row)}`]);
  const ways = [...grouped(found, (row) => [`${value("entry", row)} ${value("mode", row)}`]).keys()];
  ways.sort((one, other) => Number(!one.startsWith("syscall")) - Number(!other.startsWith("syscall")));
  const entries = [...new Set(ways.map((way) => way.split(" ")[0]))];
  const modesOf = (/** @type {string} */ entry) => ways.filter((way) => way.split(" ")[0] === entry);
  const head = h(
    "thead",
    {},
    h(
      "tr",
      {},
      h("td", { colspan: 2 }),
      ...entries.map((entry) => h("th", { scope: "colgroup", colspan: modesOf(entry).length }, entry)),
    ),
    h("tr", {}, column("Family"), column("Type"), ...entries.flatMap(modesOf).map((way) => column(way.split(" ")[1]))),
  );
  const body = [...kinds]
    .sort((one, other) => other[1].length - one[1].length)
    .map(([kind, of]) => {
      const [family, type] = kind.split(" ");
      const cells = grouped(Uint32Array.from(of), (row) => [`${value("entry", row)} ${value("mode", row)}`]);
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, rowsLink(narrowed(query, `family:${term(family)}`), family)),
        h("td", {}, rowsLink(narrowed(query, `family:${term(family)} type:${term(type)}`), type)),
        ...entries.flatMap(modesOf).map((way) => {
          const here = cells.get(way);
          if (!here) return h("td", { class: "cell empty" }, h("span", { class: "unseen" }, "no rows"));
          const [entry, mode] = way.split(" ");
          const counts = tally(here.map(rowState));
          const terms = `family:${term(family)} type:${term(type)} mode:${term(mode)} entry:${term(entry)}`;
          const opens = address("rows", "", { q: narrowed(query, terms) });
          const label = `${counted(here.length, "row")}: ${inWords(counts)}`;
          return h(
            "td",
            { class: "cell" },
            h("a", { href: opens, "aria-label": label, title: inWords(counts) }, here.length.toLocaleString("en")),
            bar(counts),
          );
        }),
      );
    });
  const label = "Rows by family, type, entry point and mode";
  return view(
    "Family, type, mode and entry point",
    h("p", { class: "soft" }, "Each number opens its rows."),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": label },
      h("table", { class: "matrix" }, h("caption", { class: "unseen" }, label), head, h("tbody", {}, body)),
    ),
    legend(),
  );
}

const legend = () =>
  h(
    "ul",
    { class: "counts legend" },
    ...STATE_NAMES.map((state) =>
      h("li", {}, h("i", { class: `dot ${state}`, "aria-hidden": true }), STATES[state].many),
    ),
  );

/** @param {Chosen} chosen */
export function slowestView({ found }) {
  const slow = [...found].sort((one, other) => rows.time[other] - rows.time[one]).slice(0, PAGE);
  const most = slow.length ? rows.time[slow[0]] : 1;
  return view(
    "Slowest rows",
    h(
      "p",
      { class: "soft" },
      `The ${counted(slow.length, "row")} that took longest, with set-up and tear-down. Rows overlap: most of these wait for timers of the kernel.`,
    ),
    table(
      "Slowest rows",
      [column("Time", "number"), h("td", { class: "gauge" }), column("Row"), column("Verdict")],
      slow.map((row) => {
        const gauge = h("span", { class: "gauge" });
        gauge.style.width = `${(100 * rows.time[row]) / most}%`;
        return h(
          "tr",
          {},
          h("td", { class: "number" }, duration(rows.time[row])),
          h("td", { class: "gauge", "aria-hidden": true }, gauge),
          h(
            "th",
            { scope: "row" },
            rowLink(row),
            several && h("small", { class: "under" }, kernels[rows.kernel[row]].label),
          ),
          h("td", {}, rowBadge(row)),
        );
      }),
    ),
  );
}

/** @param {Chosen} chosen */
export function notExercisedView({ found, query }) {
  const reasons = reasonsNotExercised(found, !query);
  return view(
    "Not exercised, by reason",
    reasons.length
      ? h(
          "p",
          { class: "soft" },
          "What could not be tried in this run. The reason was found out by trying the thing once, or is written in the catalogue.",
        )
      : h("p", {}, "Nothing: every clause was tried."),
    ...reasons.map(([reason, of]) =>
      h(
        "section",
        { class: "card" },
        h("h2", {}, reason),
        h(
          "p",
          { class: "soft" },
          [
            of.clauses.length ? counted(of.clauses.length, "clause") : "",
            of.rows.length ? counted(of.rows.length, "row") : "",
          ]
            .filter(Boolean)
            .join(" and "),
        ),
        h("p", { class: "names" }, ...whatOf(of, 60)),
      ),
    ),
  );
}

/** @param {Chosen} chosen */
export function disagreementsView({ found, query }) {
  const masks = clauseMasks(found);
  const whole = clauses.map((_, clause) => masks.reduce((all, each) => all | each[clause], 0));
  const every = clauses.map((_, clause) => clause).filter((clause) => whole[clause] || !query);
  const deviating = every.filter((clause) => whole[clause] & (1 << DEVIATES));
  const among = every.filter((clause) => clauses[clause].disagreement && !(whole[clause] & (1 << DEVIATES)));
  const of = grouped(found, (row) => [String(items.clause[rows.item[row]])]);
  const card = (/** @type {number} */ clause) => disagreement(clause, of.get(String(clause)) ?? []);
  return view(
    "Where documents and kernel part",
    h(
      "p",
      { class: "soft" },
      "Each clause says what its documents say. Here stand the clauses from which a kernel deviates, and those on which documents disagree among themselves.",
    ),
    section(
      `The kernel deviates (${deviating.length})`,
      deviating.length ? paged(deviating, (some) => h("div", {}, some.map(card)), "clause") : h("p", {}, "None."),
    ),
    section(
      `Documents disagree; the kernel does what this clause says (${among.length})`,
      among.length ? paged(among, (some) => h("div", {}, some.map(card)), "clause") : h("p", {}, "None."),
    ),
  );
}

/** @param {number} clause @param {number[]} of its rows */
function disagreement(clause, of) {
  const { statement, sources, disagreement: note } = clauses[clause];
  /** @type {Map<string, number[]>} */
  const seen = new Map();
  for (const row of of) {
    if (verdictOf(row) !== DEVIATES) continue;
    const sides = `${rows.expected[row]} ${rows.observed[row]}`;
    seen.set(sides, [...(seen.get(sides) ?? []), row]);
  }
  /** @type {Map<string, [reason: string, document: string]>} */
  const reasons = new Map();
  for (const row of of) {
    const [, , , reason, document] = expectationOf(row) ?? [];
    if (reason !== undefined && document !== undefined) reasons.set(`${reason}\n${document}`, [reason, document]);
  }
  const counts = tally(of.map(rowState));
  return h(
    "section",
    { class: "card" },
    h("h3", {}, clauseLink(clause)),
    h("p", {}, statement),
    h("p", { class: "soft" }, sources.join("; ")),
    h(
      "ul",
      { class: "points" },
      ...[...seen.values()].map((same) =>
        h("li", {}, ...said(same[0]), " ", rowLink(same[0], true), same.length > 1 && ` and ${same.length - 1} more`),
      ),
      ...[...reasons.values()].map(([reason, document]) =>
        h("li", {}, "The kernel's side: ", reason, " ", h("small", {}, document)),
      ),
      note && h("li", {}, "Among documents: ", note),
    ),
    h("p", { class: "soft" }, inWords(counts) || "no rows in this run"),
  );
}
