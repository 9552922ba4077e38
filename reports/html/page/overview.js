// @ts-check
// The first screen: which kernel, when, with what rights; what is unexpected; whether it conforms to each document; what
// was not exercised, and why.

/** @returns {HTMLElement[]} */
function overview() {
  const masks = clauseMasks(everyRow);
  return [
    h("h1", {}, data.title || "Conformance"),
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

/** @param {string} started */
const moment = (started) => h("time", { datetime: started }, started.replace("T", " ").replace("+00:00", " UTC"));

/** @param {Kernel} kernel */
const took = (kernel) => (kernel.seconds === null ? "" : `, ${kernel.seconds.toFixed(1)} s`);

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

/** @param {string} text */
const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

/** @param {Uint32Array} chosen */
function tallyBar(chosen) {
  const counts = tally(Array.from(chosen, rowState));
  return h("div", { class: "tally" }, bar(counts), h("small", {}, inWords(counts)));
}

/** What each number of a conclusion opens. @type {Record<State, string>} */
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

/** The rows in which kernels that tried them disagree: what a report of several is read for. @returns {HTMLElement[]} */
function amongKernelsSection() {
  const found = several ? everyItem().filter(contradicts) : [];
  if (!found.length) return [];
  const shown = found.slice(0, 25).flatMap((item) => rowsOf(item));
  const all = rowsLink("is:different", "All that differ, with those that only some could try");
  return [section(`Kernels disagree in ${counted(found.length, "row")}`, rowList(shown), h("p", {}, all))];
}

/** @returns {HTMLElement[]} */
function unexpectedSection() {
  const found = [...everyRow.filter((row) => rows.verdict[row] >= UNEXPECTED)];
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

/** @param {string} title @param {...Child} children */
const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);

/** Documents with what they came to. @param {Uint8Array[]} masks @param {number} most so many, and all with anything unexpected */
function documentsSection(masks, most = Infinity) {
  const tried = documents.filter((doc) =>
    (clausesByDocument.get(doc.id) ?? []).some((clause) => masks.some((each) => each[clause])),
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

/** Clauses and rows by name, so many of them. @param {{clauses: number[], rows: number[]}} of @param {number} most @returns {Child[]} */
function whatOf(of, most) {
  const all = [...of.clauses.map(clauseLink), ...of.rows.map((row) => rowLink(row))];
  const shown = all.slice(0, most).flatMap((each) => [each, " "]);
  return all.length > most ? [...shown, `and ${(all.length - most).toLocaleString("en")} more`] : shown;
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
