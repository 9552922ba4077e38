// @ts-check
// Documents with their bars, a document statement by statement, and a clause with its rows.

import { address } from "./address.js";
import { column, counted, facts, h, link, table } from "./dom.js";
import { paged, rowList } from "./lists.js";
import { badge, bar, clauseLink, dot, inWords, missing, section, sourceLink, view } from "./pieces.js";
import { report, scores } from "./report.js";
import { ANY_UNEXPECTED, stateOfMask, stateOfStatement, tally } from "./score.js";

/** @typedef {import("./views.js").Chosen} Chosen */
/** @typedef {import("./types.js").Document_} Document_ */
/** @typedef {import("./data.js").State} State */

const { kernels, clauses, items, rows, several } = report;
const { maskOf, clauseMasks, clausesOf, statementsOf, documents, reasonsOf } = scores;

/**
 * Documents with what they came to.
 * @param {Uint8Array[]} masks @param {number} most so many, and all with anything unexpected
 */
export function documentsSection(masks, most = Infinity) {
  const tried = documents.filter((doc) =>
    clausesOf(doc).some((clause) => masks.some((each) => each[clause])),
  );
  const untried = documents.length - tried.length;
  const news = (/** @type {Document_} */ doc) =>
    masks.some((each) => statementsOf(doc).some((of) => of.some((clause) => each[clause] & ANY_UNEXPECTED)));
  const shown = tried.filter((doc, place) => place < most || news(doc));
  const rest = tried.length - shown.length;
  return section(
    several ? "Do these kernels conform?" : "Does this kernel conform?",
    table(
      "Documents",
      [
        column("Document"),
        ...kernels.flatMap((kernel) =>
          several ? [column(kernel.label)] : [column("Conforms"), column("Statements"), column("Outcome", "wide")],
        ),
      ],
      shown.map((doc) =>
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row" },
            link(address("document", doc.id), doc.id),
            h("small", { class: "under" }, doc.title),
          ),
          ...masks.flatMap((each) => documentCells(doc, each)),
        ),
      ),
      "documents",
    ),
    rest > 0 &&
      h("p", {}, link("#documents", `All ${tried.length} documents`), ` (${rest} more, nothing unexpected in them)`),
    untried > 0 &&
      h(
        "p",
        { class: "soft" },
        `${counted(untried, "further document was", "further documents were")} not tried by any row of this run.`,
      ),
  );
}

/** @param {Document_} doc @param {Uint8Array} masks */
function documentCells(doc, masks) {
  const statements = statementsOf(doc);
  const counts = tally(statements.map((statement) => stateOfStatement(statement, masks)));
  const answer =
    counts.bad || counts.error ? "no, unexpectedly" : counts.known ? "no, as known" : counts.good ? "yes" : "not tried";
  const kind = doc.sentences.length ? "sentence" : "statement";
  const look = counts.bad || counts.error ? "bad" : counts.known ? "known" : counts.good ? "good" : "none";
  const words = h("small", {}, inWords(counts));
  if (several)
    return [h("td", {}, h("div", { class: "tally" }, bar(counts), h("small", {}, `${answer}: ${inWords(counts)}`)))];
  return [
    h("td", { class: `answer ${look}` }, answer),
    h("td", {}, counted(statements.length, kind)),
    h("td", { class: "wide" }, h("div", { class: "tally" }, bar(counts), words)),
  ];
}

/** @param {string} id @param {Chosen} chosen @param {string} [wanted] the sentence to look at */
export function documentView(id, { found, query }, wanted) {
  const doc = documents.find((each) => each.id === id);
  if (!doc) return missing("document", id);
  const masks = clauseMasks(found);
  const all = [...statementsOf(doc)].map((statement, number) => ({ statement, number }));
  const shown = all.filter(({ statement }) => !query || statement.some((clause) => masks.some((each) => each[clause])));
  const states = masks.map((each) => tally(shown.map(({ statement }) => stateOfStatement(statement, each))));
  const kind = doc.sentences.length ? "sentence" : "statement";
  return view(
    doc.title,
    h(
      "p",
      { class: "soft" },
      h("code", {}, doc.id),
      ` · ${counted(shown.length, kind)}, in our own words, in the order of ${doc.sentences.length ? "the page" : "the catalogue"}.`,
    ),
    ...states.map((counts, kernel) =>
      h(
        "div",
        { class: "tally summary" },
        several && h("span", {}, kernels[kernel].label),
        bar(counts),
        h("span", {}, inWords(counts)),
      ),
    ),
    paged(
      shown,
      (some) =>
        table(
          "Statements",
          [
            column(doc.sentences.length ? "No." : "Place"),
            column("Statement"),
            ...kernels.map((kernel) => column(several ? kernel.label : "Verdict")),
            column("Clauses"),
          ],
          some.map(({ statement, number }) => statementLine(doc, statement, number, masks, wanted)),
          doc.sentences.length ? "statements numbered" : "statements",
        ),
      kind,
    ),
  );
}

/** @param {Document_} doc @param {number[]} statement @param {number} number @param {Uint8Array[]} masks @param {string} [wanted] */
function statementLine(doc, statement, number, masks, wanted) {
  const known = doc.sentences[number];
  const first = clauses[statement[0]];
  const place = known
    ? known[0]
    : first.sources
        .filter((source) => source.startsWith(`${doc.id} [`))
        .map((source) => source.slice(doc.id.length + 2, -1))
        .join("; ");
  return h(
    "tr",
    { class: known && known[0] === wanted ? "wanted" : "" },
    h("th", { scope: "row" }, known ? link(address("sentence", `${doc.id}/${place}`), place) : place),
    h("td", {}, known ? known[1] : first.statement),
    ...masks.map((each) => {
      const state = stateOfStatement(statement, each);
      return h("td", {}, badge(state, several ? SHORT[state] : state === "bad" ? "unexpected" : undefined));
    }),
    h(
      "td",
      {},
      ...statement.map((clause) =>
        h(
          "span",
          { class: "clause" },
          dot(stateOfMask(masks.reduce((all, each) => all | each[clause], 0))),
          clauseLink(clause),
        ),
      ),
    ),
  );
}

/**
 * For columns that stand close.
 * @type {Record<State, string>}
 */
const SHORT = { good: "conforms", known: "deviates", bad: "unexpected", error: "error", none: "not tried" };

/**
 * Every document with its bar: the way into their statements.
 * @param {Chosen} chosen
 */
export function documentsView({ found }) {
  const masks = clauseMasks(found);
  return view("Documents", documentsSection(masks));
}

/** @param {string} id @param {Chosen} chosen */
export function clauseView(id, { found }) {
  const clause = clauses.findIndex((each) => each.id === id);
  if (clause < 0) return missing("clause", id);
  const { title, statement, expected, sources, disagreement: note } = clauses[clause];
  const mine = found.filter((row) => items.clause[rows.item[row]] === clause);
  const state = stateOfMask(mine.reduce((all, row) => all | maskOf(row), 0));
  return view(
    title || id,
    h("p", {}, badge(state, state === "bad" ? "unexpected" : undefined), " ", h("code", {}, id)),
    h("p", { class: "lead" }, statement),
    facts(
      [
        ["Expected", expected],
        ["Documents", h("ul", { class: "plain" }, ...sources.map((source) => h("li", {}, sourceLink(source))))],
        ["Disagreement", note],
        ["Not exercised", state === "none" ? reasonsOf(clause, [...mine]).join("; ") : ""],
      ],
      "sheet",
    ),
    mine.length > 0 && section(counted(mine.length, "row"), rowList(mine, { headings: false })),
  );
}
