// @ts-check
// What only the view of one row needs, its transcript and evidence, out of the compressed part that holds it. The packed
// form of a row is read here and nowhere else.

/** @typedef {import("./types.js").PackedDetail} PackedDetail */
/**
 * A call, with its start and duration in microseconds.
 * @typedef {{text: string, start: number, duration: number | null, thread: string, asked: string | null, met: boolean}} Call
 */
/**
 * `terminal` is what the terminal printed of a row that is not as expected.
 * @typedef {{calls: Call[], topology?: import("./types.js").Topology, terminal?: string, rerun?: string,
 *   evidence: import("./types.js").Evidence[], packets: [number, string, string][]}} Detail
 */

const { DecompressionStream } = /** @type {any} */ (globalThis); // TypeScript has a type for it since 5.1 only.

/** @param {PackedDetail} packed @returns {Detail} */
export function unpack(packed) {
  let at = 0;
  /** @type {Call[]} */
  const calls = packed.texts.map((text, number) => {
    at += packed.starts[number];
    return {
      text: String(text),
      start: at,
      duration: packed.durations[number],
      thread: String(packed.threads[packed.thread_of[number]]),
      asked: null,
      met: true,
    };
  });
  for (const [number, asked, met] of packed.marks) {
    calls[number].asked = String(asked);
    calls[number].met = met !== false;
  }
  const { topology, detail, rerun, evidence, packets } = packed;
  return { calls, topology, terminal: detail, rerun, evidence: evidence ?? [], packets: packets ?? [] };
}

/** @param {string} base64 @returns {Promise<PackedDetail[]>} */
async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

/**
 * A function that gives the detail of a row, and opens each part once.
 * @param {number} size rows in a part @param {() => string} read gives the parts, base64, a line each
 */
export function openDetails(size, read) {
  /** @type {string[] | undefined} */
  let lines;
  /** @type {Map<number, Promise<PackedDetail[]>>} */
  const opened = new Map();
  return async (/** @type {number} */ row) => {
    const part = Math.floor(row / size);
    let whole = opened.get(part);
    if (whole === undefined) {
      lines ??= read().trim().split("\n");
      whole = inflate(lines[part]);
      opened.set(part, whole);
    }
    return unpack((await whole)[row % size]);
  };
}
