// @ts-check
// One row with all its evidence, as a good report of a bug has it.

import { DEVIATES } from "./data.js";
import { column, copyable, duration, facts, h, link, table } from "./dom.js";
import { isWorthDrawing, timeline, topologyDrawing } from "./drawings.js";
import { clauseLink, missing, rowAddress, rowBadge, said, section, sourceLink } from "./pieces.js";
import { detailOf, report } from "./report.js";

/** @typedef {import("./evidence.js").Call} Call */
/** @typedef {import("./evidence.js").Detail} Detail */
/** @typedef {import("./types.js").Evidence} Evidence */
/** @typedef {import("./types.js").ItemColumns} ItemColumns */

const { kernels, clauses, texts, items, rows, several } = report;
const { verdictOf, expectationOf, tailOf, idOf, rowsOf, rowToShow, itemOf } = report;

/** @param {string} id @param {string} label of the kernel to look at; empty where none is named */
export function rowView(id, label) {
  const item = itemOf(id);
  if (item === undefined) return missing("row", id);
  const row = rowToShow(item, label);
  const clause = items.clause[item];
  const { title, statement, sources, disagreement: note } = clauses[clause];
  const entry = expectationOf(row);
  const code = (/** @type {number} */ text) => (text ? h("code", {}, texts[text]) : "");
  const later = h("div", {}, h("p", { class: "soft", role: "status" }, "Opening the evidence …"));
  detailOf(row).then(
    (detail) => later.replaceChildren(...evidenceOf(row, detail)),
    (error) =>
      later.replaceChildren(h("p", { class: "banner error" }, `The evidence of this row can't be opened: ${error}`)),
  );
  const variant = ["family", "type", "mode", "entry", "case"].map(
    (name) => texts[items[/** @type {keyof ItemColumns} */ (name)][item]],
  );
  return [
    h("p", { class: "above" }, clauseLink(clause)),
    h("h1", {}, title || id),
    h(
      "p",
      { class: "above" },
      rowBadge(row),
      " ",
      h("code", {}, tailOf(item)),
      several && ` on ${kernels[rows.kernel[row]].label}`,
    ),
    h("p", { class: "lead" }, statement),
    facts(
      [
        ["Allowed", code(rows.expected[row])],
        ["Observed", code(rows.observed[row])],
        ["Reason", texts[rows.reason[row]]],
        ["Documents", h("ul", { class: "plain" }, ...sources.map((source) => h("li", {}, sourceLink(source))))],
        [
          "Known deviation",
          entry
            ? [
                h("code", {}, entry[2]),
                " is written down for ",
                h("code", {}, entry[1]),
                `: ${entry[3]} `,
                h("small", {}, entry[4]),
              ]
            : "",
        ],
        ["Disagreement", note],
        ["Variant", variant.filter(Boolean).join(" · ")],
        [
          "Kernel",
          several ? "" : `${kernels[0].name} ${kernels[0].release} (${kernels[0].machine}), as ${kernels[0].privilege}`,
        ],
        ["Time", duration(rows.time[row])],
      ],
      "sheet",
    ),
    ...(several ? [section("On every kernel", kernelsOf(item, row))] : []),
    later,
  ].filter((each) => each instanceof HTMLElement);
}

/** @param {number} item @param {number} shown */
function kernelsOf(item, shown) {
  const mine = rowsOf(item);
  return table(
    "Kernels",
    ["Kernel", "Verdict", "Observed", "Time"].map((name) => column(name)),
    kernels.map((kernel, number) => {
      const row = mine.find((each) => rows.kernel[each] === number);
      if (row === undefined)
        return h("tr", {}, h("th", { scope: "row" }, kernel.label), h("td", { colspan: 3 }, "has no such row"));
      const name = row === shown ? h("strong", {}, kernel.label) : link(rowAddress(row), kernel.label);
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, name),
        h("td", {}, rowBadge(row)),
        h("td", {}, rows.observed[row] ? h("code", {}, texts[rows.observed[row]]) : texts[rows.reason[row]]),
        h("td", {}, duration(rows.time[row])),
      );
    }),
  );
}

/** @param {number} row @param {Detail} detail @returns {HTMLElement[]} */
function evidenceOf(row, detail) {
  const id = idOf(rows.item[row]);
  const rerun = detail.rerun ?? `pytest --row ${id}`;
  const found = [];
  if (detail.calls.length) {
    found.push(section("Transcript", transcript(row, detail.calls)));
    if (isWorthDrawing(detail.calls)) found.push(section("Time line", timeline(detail.calls)));
  }
  if (detail.packets.length) found.push(section("Packets", packetList(detail.packets)));
  if (detail.topology) found.push(section("Topology", topologyDrawing(detail.topology)));
  found.push(
    section(
      "See it again",
      facts(
        [
          ["Run it alone", copyable(rerun, "the command that runs the row")],
          [
            "Write a C program that shows it",
            detail.calls.length > 0 &&
              copyable(`python -m reports reproduce ${id} -o row.c`, "the command that writes the program"),
          ],
          ["Test", h("code", {}, texts[items.test[rows.item[row]]])],
        ],
        "sheet",
      ),
    ),
  );
  if (detail.evidence.length)
    found.push(section("Evidence files", evidenceFiles(detail.evidence, kernels[rows.kernel[row]].base)));
  if (detail.terminal) {
    const opened = h(
      "details",
      {},
      h("summary", {}, "As printed in the terminal"),
      h("pre", { tabindex: 0, role: "group", "aria-label": "Terminal" }, detail.terminal),
    );
    found.push(opened);
  }
  return found;
}

/**
 * The calls, and the first step at which document and kernel part.
 * @param {number} row @param {Call[]} calls
 */
function transcript(row, calls) {
  const parting = calls.findIndex((call) => call.asked !== null && !call.met);
  const threads = new Set(calls.map((call) => call.thread)).size > 1;
  const lines = calls.map((call, number) => {
    const parts = number === parting;
    const asked =
      call.asked === null
        ? null
        : h("span", { class: call.met ? "yes" : "no" }, call.met ? "✓ asked " : "✗ asked ", call.asked);
    return h(
      "tr",
      { class: parts ? "parting" : "", "aria-current": parts ? "step" : null },
      h("td", { class: "number" }, (call.start / 1000).toFixed(3)),
      threads && h("td", {}, call.thread),
      h(
        "th",
        { scope: "row" },
        h("code", {}, call.text),
        asked && " ",
        asked,
        parts && " ",
        parts && h("strong", { class: "parts" }, "← here they part"),
      ),
      h("td", { class: "number" }, call.duration === null ? "never" : duration(call.duration)),
    );
  });
  const deviates = verdictOf(row) === DEVIATES;
  return h(
    "div",
    {},
    deviates &&
      parting < 0 &&
      h("p", {}, "Each call did as asked; they part in what was compared afterwards: ", ...said(row)),
    table(
      "Transcript",
      [column("At, ms", "number"), threads && column("Thread"), column("Call"), column("Took", "number")],
      lines,
      "transcript",
    ),
  );
}

/**
 * What passed the links, at each of their ends.
 * @param {[number, string, string][]} packets
 */
function packetList(packets) {
  const calls = packets.map(([start, where, text]) => ({
    text,
    start,
    duration: 0,
    thread: where.split(" ")[0],
    asked: null,
    met: true,
  }));
  return h(
    "div",
    {},
    h(
      "p",
      { class: "soft" },
      "Times are since the first packet. Where a row was run once more to keep its packets, they are of that run.",
    ),
    isWorthDrawing(calls) && timeline(calls, "packet"),
    table(
      "Packets",
      [column("At, ms", "number"), column("Host and link"), column("Packet")],
      packets.map(([at, where, text]) =>
        h(
          "tr",
          {},
          h("td", { class: "number" }, (at / 1000).toFixed(3)),
          h("td", {}, where),
          h("th", { scope: "row" }, h("code", {}, text)),
        ),
      ),
      "transcript",
    ),
  );
}

/**
 * What each kind of file holds.
 * @type {Record<string, string>}
 */
const KINDS = {
  packets: "Packets (pcapng)",
  sockets: "Sockets at the end (sock_diag)",
  network: "Routes, rules, filters and sysctls that differ from default",
  "kernel-log": "Kernel messages of that time",
};

/**
 * Files beside the page. Only a path that stays below evidence/ becomes a link.
 * @param {Evidence[]} files @param {string} base
 */
const evidenceFiles = (files, base) =>
  h(
    "ul",
    { class: "plain" },
    ...files.map(({ kind, path, note }) => {
      const pieces = String(path).split("/");
      const safe =
        pieces[0] === "evidence" &&
        pieces.length > 1 &&
        !pieces.some((piece) => piece === "" || piece === "." || piece === ".." || piece.includes("\\"));
      const name = Object.hasOwn(KINDS, kind) ? KINDS[kind] : String(kind);
      const href = [...base.split("/").filter(Boolean), ...pieces].map(encodeURIComponent).join("/");
      return h(
        "li",
        {},
        `${name}: `,
        safe ? h("a", { href, rel: "noreferrer" }, h("code", {}, path)) : h("code", {}, path),
        note && h("small", {}, ` ${note}`),
      );
    }),
  );
