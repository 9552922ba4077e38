// @ts-check
// The shapes of what reports/html/page_data.py writes into the page. Each stands here once, and nothing but types does;
// tests/test_script.py holds the names of the fields to those that are written.

/**
 * One run. The seconds are null, and `incomplete` says why, where the run was cut off.
 * @typedef {{label: string, base: string, name: string, release: string, version: string, machine: string,
 *   distribution: string, libc: string, python: string, cpus: string, host: string, kconform: string, started: string,
 *   command: string, privilege: string, carrier: string, config: [string, string][], sysctls: [string, string][],
 *   features: [string, boolean, string, string][], rows: number, seconds: number | null, incomplete: string,
 *   damaged: string[]}} Kernel
 */

/**
 * @typedef {{id: string, title: string, statement: string, expected: string, untestable: string, disagreement: string,
 *   sources: string[]}} Clause
 */

/**
 * A document; each sentence is its id, its gist, and the numbers of its clauses.
 * @typedef {{id: string, title: string, sentences: [string, string, number[]][]}} Document_
 */

/**
 * Rows by column. `item`, `kernel` and `expectation` are numbers of tables (an expectation's begin at 1, and 0 is none);
 * `verdict` is the verdict's number, and 4 more where it is unexpected; `time` is in microseconds; the others number texts.
 * @typedef {{item: number[], kernel: number[], verdict: number[], time: number[], expected: number[],
 *   observed: number[], reason: number[], expectation: number[], topology: number[]}} RowColumns
 */

/**
 * What a row is on every kernel, by column: the number of its clause, and numbers of texts.
 * @typedef {{clause: number[], tail: number[], family: number[], type: number[], mode: number[], entry: number[],
 *   case: number[], test: number[]}} ItemColumns
 */

/**
 * The whole. An expectation is its state, rows, observed side, reason and document; `part` is the rows of a compressed part.
 * @typedef {{part: number, verdicts: string[], errnos: string[], kernels: Kernel[], title: string,
 *   documents: Document_[], clauses: Clause[], texts: string[],
 *   expectations: [string, string, string, string, string][], items: ItemColumns, rows: RowColumns}} Data
 */

/** @typedef {{name: string, hosts: Host[]}} Topology */
/** @typedef {{name: string, addresses: string[]}} Host */
/** @typedef {{kind: string, path: string, note?: string}} Evidence */

/**
 * One row in a compressed part. Each start is the microseconds since the one before; a duration is null where a call did not
 * return; `thread_of` has a number of `threads` for each call; a mark is a call's number, what was asked, and whether it was met;
 * a packet is its microseconds, its host and link, and its text. What has no value is left out.
 * @typedef {{texts: string[], starts: number[], durations: (number | null)[], threads: string[], thread_of: number[],
 *   marks: [number, string, boolean][], topology?: Topology, detail?: string, rerun?: string, evidence?: Evidence[],
 *   packets?: [number, string, string][]}} PackedDetail
 */

export {};
