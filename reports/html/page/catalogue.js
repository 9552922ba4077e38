// @ts-check
// A document statement by statement, a clause with its rows, and the facts of the runs.

/** @param {string} id @param {Chosen} chosen @param {string} [wanted] the sentence to look at */
function documentView(id, { found, query }, wanted) {
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

/** For columns that stand close. @type {Record<State, string>} */
const SHORT = { good: "conforms", known: "deviates", bad: "unexpected", error: "error", none: "not tried" };

/** @param {State} state */
const dot = (state) =>
  h("i", { class: `dot ${state}`, role: "img", "aria-label": STATES[state].one, title: STATES[state].one });

/** Every document with its bar: the way into their statements. @param {Chosen} chosen */
function documentsView({ found }) {
  const masks = clauseMasks(found);
  return view("Documents", documentsSection(masks));
}

/** @param {string} id @param {Chosen} chosen */
function clauseView(id, { found }) {
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

/** A source of a clause: the document, and the place in it. @param {string} source */
function sourceLink(source) {
  const [id, ...place] = source.split(" [");
  const known = documents.some((doc) => doc.id === id);
  return h("span", {}, known ? link(address("document", id), id) : id, place.length ? ` [${place.join(" [")}` : "");
}

/** @param {string} what @param {string} id */
const missing = (what, id) =>
  view(
    "Not here",
    h("p", {}, `There is no ${what} `, h("code", {}, id), " in this report."),
    h("p", {}, link("#overview", "To the overview")),
  );

function factsView() {
  return view(several ? "Facts of the runs" : "Facts of the run", ...kernels.map(kernelSheet));
}

/** @param {Kernel} kernel */
function kernelSheet(kernel) {
  const list = (/** @type {[string, string][]} */ pairs) =>
    pairs.length
      ? h("ul", { class: "plain mono" }, ...pairs.map(([name, value]) => h("li", {}, `${name} = ${value}`)))
      : h("p", {}, "Can't be read here.");
  return h(
    "section",
    {},
    several && h("h2", {}, kernel.label),
    facts(
      [
        ["Kernel", `${kernel.name} ${kernel.release} (${kernel.machine})`],
        ["Version", kernel.version],
        ["Run", [moment(kernel.started), took(kernel)]],
        ["Privilege", kernel.privilege],
        ["Run by", kernel.carrier],
        ["System", `${kernel.distribution}, ${kernel.cpus} processors, host ${kernel.host}`],
        ["C library", kernel.libc],
        ["Python", kernel.python],
        ["kconform", kernel.kconform],
        ["Command", h("code", {}, kernel.command)],
        [
          "Unreadable",
          kernel.damaged.length ? h("ul", { class: "plain" }, ...kernel.damaged.map((each) => h("li", {}, each))) : "",
        ],
      ],
      "sheet",
    ),
    h("h3", {}, "Entry points and features"),
    table(
      "Entry points and features",
      [column("Name"), column("Here"), column("Found out by"), column("Reason")],
      kernel.features.map(([name, here, how, reason]) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, h("code", {}, name)),
          h("td", {}, badge(here ? "good" : "none", here ? "yes" : "no")),
          h("td", {}, how),
          h("td", {}, reason),
        ),
      ),
      "features",
    ),
    h("h3", {}, "Sysctls of a fresh namespace"),
    list(kernel.sysctls),
    h("h3", {}, "Kernel configuration"),
    list(kernel.config.map(([name, value]) => [`CONFIG_${name}`, value])),
  );
}
