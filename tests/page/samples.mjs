// The data that the tests of the page's script look at. tests/test_script.py has them written by the packer, and runs the tests.

import { readFileSync } from "node:fs";
import { openReport } from "../../reports/html/page/data.js";

const path = process.env.KCONFORM_PAGE_SAMPLES;
if (!path) throw new Error("KCONFORM_PAGE_SAMPLES has to name the file of samples: run pytest tests/test_script.py");

/** `two`: two kernels that differ; `labels`: kernels 6.1 and 6.12 with the same rows; each with data and parts. */
export const samples = JSON.parse(readFileSync(path, "utf8"));
export const two = openReport(samples.two.data);

/** What rows are of, each once: clause and family. */
export const named = (report, rows) =>
  [...new Set([...rows].map((row) => report.idOf(report.rows.item[row])))].map((id) =>
    id.replace(/^demo\./, "").replace("-stream-blocking-syscall", ""),
  );

/** The first row with that clause and family of a kernel. */
export const rowNamed = (report, name, kernel = 0) =>
  report.everyRow.find((row) => report.rows.kernel[row] === kernel && named(report, [row])[0] === name);
