// @ts-check
// The report that stands in this page: read from its elements once, for all modules that show it.

import { openReport } from "./data.js";
import { openDetails } from "./evidence.js";
import { filterOf } from "./query.js";
import { scoresOf } from "./score.js";

/** @param {string} id */
const textOf = (id) => document.getElementById(id)?.textContent ?? "";

export const report = openReport(JSON.parse(textOf("data")));
export const scores = scoresOf(report);
export const filter = filterOf(report);
export const detailOf = openDetails(report.part, () => textOf("parts"));
