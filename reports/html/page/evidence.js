// @ts-check
// What only the view of one row needs: its transcript and evidence, out of the compressed part that holds it.

/**
 * @typedef {{text: string, start: number, seconds: number | null, thread: string, asked: string | null, met: boolean}} Call
 *   start and seconds in microseconds
 * @typedef {{name: string, addresses: string[]}} Host
 * @typedef {{kind: string, path: string, note?: string}} Evidence
 * @typedef {{calls: Call[], topology: {name: string, hosts: Host[]} | null, said: string | null, rerun: string | null,
 *   evidence: Evidence[], packets: [number, string, string][]}} Detail
 */

/** @type {string[] | undefined} */
let parts;
/** @type {Map<number, Promise<any[]>>} */
const opened = new Map();

/** What the page holds of one row beside its columns. @param {number} row @returns {Promise<Detail>} */
async function detailOf(row) {
  const part = Math.floor(row / data.part);
  let whole = opened.get(part);
  if (whole === undefined) {
    parts ??= (document.getElementById("parts")?.textContent ?? "").trim().split("\n");
    whole = inflate(parts[part]);
    opened.set(part, whole);
  }
  const { texts: said, starts, durations: lengths, threads, thread_of: who, marks, topology, detail, rerun, evidence,
    packets } = (await whole)[row % data.part];
  /** @type {Call[]} */
  const calls = [];
  let at = 0;
  for (let number = 0; number < said.length; number++) {
    at += starts[number];
    calls.push({
      text: String(said[number]),
      start: at,
      seconds: lengths[number],
      thread: String(threads[who[number]]),
      asked: null,
      met: true,
    });
  }
  for (const [number, asked, met] of marks) {
    calls[number].asked = String(asked);
    calls[number].met = met !== false;
  }
  return { calls, topology, said: detail, rerun, evidence: evidence ?? [], packets: packets ?? [] };
}

/** @param {string} base64 @returns {Promise<any[]>} */
async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
