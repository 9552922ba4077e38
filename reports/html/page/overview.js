// @ts-check
// The first screen: which kernel, when, with what rights; what is unexpected; whether it conforms to each document; what
// was not exercised, and why.

import { documentsSection } from "./catalogue.js";
import { STATE_NAMES, STATES } from "./data.js";
import { column, counted, facts, h, link, sentence, table } from "./dom.js";
import { rowList, tellingList } from "./lists.js";
import { moment, rowsLink, section, tallyBar, took, whatOf } from "./pieces.js";
import { term } from "./query.js";
import { report, scores } from "./report.js";
import { stateOfMask, tally } from "./score.js";

/** @typedef {import("./types.js").Kernel} Kernel */
/** @typedef {import("./data.js").State} State */

const { kernels, clauses, rows, several, itemCount, everyRow } = report;
const { isUnexpected, rowState, rowsOf, differs, contradicts } = report;
const { clauseMasks, reasonsNotExercised } = scores;

/** @returns {HTMLElement[]} */
export function overview() {
  const masks = clauseMasks(everyRow);
  return [
    h("h1", {}, report.title || "Conformance"),
    several ? kernelTable() : kernelFacts(kernels[0]),
    ...kernels.flatMap(warnings),
    conclusion(),
    ...amongKernelsSection(),
    ...unexpectedSection(),
    documentsSection(masks, 10),
    notExercisedSection(),
    knownSection(masks),
  ];
}

/** @param {Kernel} kernel */
const kernelFacts = (kernel) =>
  facts([
    ["Kernel", `${kernel.name} ${kernel.release} (${kernel.machine})`],
    ["Run", [moment(kernel.started), took(kernel)]],
    ["Privilege", kernel.privilege],
    ["System", `${kernel.distribution}, ${kernel.cpus} processors`],
    ["kconform", kernel.kconform],
  ]);

const kernelTable = () =>
  table(
    "Kernels",
    ["Kernel", "Release", "Run", "Privilege", "System", "Rows"].map((name) => column(name)),
    kernels.map((kernel, number) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, rowsLink(`kernel:${term(kernel.label)}`, kernel.label)),
        h("td", {}, `${kernel.name} ${kernel.release} (${kernel.machine})`),
        h("td", {}, moment(kernel.started), took(kernel), kernel.carrier && h("small", {}, kernel.carrier)),
        h("td", {}, kernel.privilege),
        h("td", {}, kernel.distribution),
        h("td", {}, tallyBar(everyRow.filter((row) => rows.kernel[row] === number))),
      ),
    ),
  );

/** @param {Kernel} kernel @returns {HTMLElement[]} */
function warnings(kernel) {
  const whose = several ? ` (${kernel.label})` : "";
  const found = [];
  if (kernel.incomplete) {
    found.push(
      h("p", { class: "banner error" }, h("strong", {}, `Incomplete${whose}.`), ` ${sentence(kernel.incomplete)}`),
    );
  }
  if (kernel.damaged.length) {
    const count = counted(kernel.damaged.length, "record");
    found.push(
      h(
        "p",
        { class: "banner error" },
        h("strong", {}, `Damaged${whose}.`),
        ` ${count} of the results can't be read: ${kernel.damaged[0]}`,
      ),
    );
  }
  return found;
}

/**
 * What each number of a conclusion opens.
 * @type {Record<State, string>}
 */
const OPENS = {
  good: "verdict:conforms expected:yes",
  known: "verdict:deviates expected:yes",
  bad: "verdict:conforms,deviates expected:no",
  error: "verdict:harness-error",
  none: "verdict:not-exercised",
};

function conclusion() {
  const counts = tally(Array.from(everyRow, rowState));
  const news = counts.bad + counts.error;
  const different = several ? everyItem().filter(differs).length : 0;
  return h(
    "div",
    { class: `banner ${news ? "bad" : "good"}` },
    h("strong", {}, news ? `${counted(news, "row is", "rows are")} unexpected.` : "Nothing is unexpected."),
    h(
      "ul",
      { class: "counts" },
      ...STATE_NAMES.filter((state) => counts[state]).map((state) =>
        h(
          "li",
          {},
          h("i", { class: `dot ${state}`, "aria-hidden": true }),
          rowsLink(OPENS[state], counts[state].toLocaleString("en")),
          ` ${STATES[state].many}`,
        ),
      ),
      several && h("li", {}, rowsLink("is:different", different.toLocaleString("en")), " differ between kernels"),
    ),
  );
}

const everyItem = () => Array.from({ length: itemCount }, (_, item) => item);

/**
 * The rows in which kernels that tried them disagree: what a report of several is read for.
 * @returns {HTMLElement[]}
 */
function amongKernelsSection() {
  const found = several ? everyItem().filter(contradicts) : [];
  if (!found.length) return [];
  const shown = found.slice(0, 25).flatMap((item) => rowsOf(item));
  const all = rowsLink("is:different", "All that differ, with those that only some could try");
  return [section(`Kernels disagree in ${counted(found.length, "row")}`, rowList(shown), h("p", {}, all))];
}

/** @returns {HTMLElement[]} */
function unexpectedSection() {
  const found = [...everyRow.filter((row) => isUnexpected(row))];
  if (!found.length) return [];
  const shown = found.slice(0, 25);
  const rest = found.length - shown.length;
  return [
    section(
      "Unexpected",
      h("p", {}, "Neither what the documents say nor what is written down of this kernel."),
      several ? rowList(shown) : tellingList(shown),
      rest > 0 && h("p", {}, rowsLink("expected:no", `All ${counted(found.length, "unexpected row")}`)),
    ),
  ];
}

function notExercisedSection() {
  const reasons = reasonsNotExercised(everyRow, true);
  return section(
    "Not exercised, and why",
    reasons.length
      ? h(
          "ul",
          { class: "telling" },
          ...reasons.slice(0, 8).map(([reason, of]) => h("li", {}, reason, h("p", {}, ...whatOf(of, 4)))),
        )
      : h("p", {}, "Nothing: every clause was tried."),
    reasons.length > 8 && h("p", {}, link("#not-exercised", `All ${reasons.length} reasons`)),
  );
}

/** @param {Uint8Array[]} masks */
function knownSection(masks) {
  const known = clauses.filter((_, clause) => masks.some((each) => stateOfMask(each[clause]) === "known")).length;
  return section(
    "Known deviations",
    known
      ? h(
          "p",
          {},
          `From ${counted(known, "clause")} ${several ? "a" : "this"} kernel is known to deviate. `,
          link("#disagreements", "Where documents and kernel part"),
        )
      : h("p", {}, "None."),
  );
}
