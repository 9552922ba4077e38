// @ts-check
// The facts of the runs: the kernel, the system, entry points and features, sysctls, configuration.

import { column, facts, h, table } from "./dom.js";
import { badge, moment, took, view } from "./pieces.js";
import { report } from "./report.js";

/** @typedef {import("./types.js").Kernel} Kernel */

const { kernels, several } = report;

export function factsView() {
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
