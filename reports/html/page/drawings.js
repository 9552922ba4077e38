// @ts-check
// Drawings: the topology that a row stood in, and the time line of its calls.

import { counted, duration, h, svg } from "./dom.js";

/** @typedef {import("./evidence.js").Call} Call */
/** @typedef {import("./types.js").Topology} Topology */

const LINE = 18; // Pixels between lines of text.

/**
 * The hosts of a topology with their addresses, side by side, or one above the other where the screen is narrow.
 * @param {Topology} topology
 */
export function topologyDrawing(topology) {
  const hosts = Array.isArray(topology.hosts) ? topology.hosts : [];
  const upright = matchMedia("(max-width: 40rem)").matches;
  const longest = Math.max(12, ...hosts.flatMap((host) => host.addresses.map((each) => String(each).length)));
  const width = Math.max(150, longest * 8 + 24);
  const height = 40 + LINE * Math.max(1, ...hosts.map((host) => host.addresses.length));
  const gap = 70;
  const alone = hosts.length === 1;
  const whole = upright
    ? { width: width + 2, height: hosts.length * (height + gap) - gap + 2 + (alone ? 44 : 0) }
    : { width: hosts.length * (width + gap) - gap + 2 + (alone ? 60 : 0), height: height + 2 };
  const words = hosts.map((host) => `${host.name} with ${host.addresses.join(", ")}`);
  const label = `Topology ${topology.name}: ${alone ? `${words[0]}, which talks to itself` : words.join("; linked to ")}`;
  const drawn = svg("svg", {
    class: "topology",
    role: "img",
    "aria-label": label,
    width: whole.width,
    height: whole.height,
    viewBox: `0 0 ${whole.width} ${whole.height}`,
  });
  hosts.forEach((host, number) => {
    const x = 1 + (upright ? 0 : number * (width + gap));
    const y = 1 + (upright ? number * (height + gap) : 0);
    if (number > 0) {
      const ends = upright
        ? { x1: x + width / 2, y1: y - gap, x2: x + width / 2, y2: y }
        : { x1: x - gap, y1: y + height / 2, x2: x, y2: y + height / 2 };
      drawn.append(svg("line", { class: "link", ...ends }));
    }
    const scripted = topology.name === "scripted" && number === hosts.length - 1;
    drawn.append(
      svg("rect", { class: scripted ? "host scripted" : "host", x, y, width, height, rx: 6 }),
      svg("text", { class: "name", x: x + 12, y: y + 22 }, scripted ? `${host.name} (scripted)` : host.name),
      ...host.addresses.map((each, line) =>
        svg("text", { class: "address", x: x + 12, y: y + 44 + line * LINE }, each),
      ),
    );
  });
  if (alone) {
    const path = upright
      ? `M ${1 + width * 0.3} ${1 + height} v 22 q 0 14 14 14 h ${width * 0.4 - 28} q 14 0 14 -14 v -22`
      : `M ${1 + width} ${1 + height * 0.3} h 28 q 14 0 14 14 v ${Math.max(0, height * 0.4 - 28)} q 0 14 -14 14 h -28`;
    drawn.append(svg("path", { class: "link", d: path }));
  }
  return h(
    "figure",
    {},
    drawn,
    h(
      "figcaption",
      {},
      `${topology.name}: ${hosts.length === 1 ? "one namespace, over its loopback" : `${hosts.length} namespaces`}`,
    ),
  );
}

/**
 * A row of which nothing took long has no time line worth drawing.
 * @param {Call[]} calls
 */
export const isWorthDrawing = (calls) => lastMoment(calls) - calls[0].start > 50_000;

/** @param {Call[]} calls */
const lastMoment = (calls) => Math.max(...calls.map((call) => call.start + (call.duration ?? 0)));

/**
 * Calls of each thread, or packets of each link, over time. A table says the same in words.
 * @param {Call[]} calls @param {string} what
 */
export function timeline(calls, what = "call") {
  const threads = [...new Set(calls.map((call) => call.thread))];
  const first = calls[0].start;
  const span = Math.max(1, lastMoment(calls) - first);
  const left = 24 + 7.6 * Math.max(6, ...threads.map((thread) => thread.length));
  const width = 900;
  const lane = 34;
  const height = threads.length * lane + 30;
  const place = (/** @type {number} */ time) => left + ((time - first) / span) * (width - left - 46);
  const drawn = svg("svg", {
    class: "timeline",
    role: "img",
    viewBox: `0 0 ${width} ${height}`,
    "aria-label": `Time line of ${counted(calls.length, what)} in ${duration(span)}: ${threads.join(", ")}; the table says the same in words`,
  });
  for (const at of ticks(span)) {
    const x = place(first + at);
    drawn.append(
      svg("line", { class: "tick", x1: x, x2: x, y1: 0, y2: height - 22 }),
      svg("text", { class: "time", x, y: height - 6, "text-anchor": "middle" }, at ? duration(at) : "0"),
    );
  }
  threads.forEach((thread, number) => {
    drawn.append(
      svg("text", { class: "name", x: 0, y: number * lane + 21 }, thread),
      svg("line", { class: "lane", x1: left, x2: width, y1: (number + 1) * lane, y2: (number + 1) * lane }),
    );
  });
  const free = threads.map(() => 0);
  for (const call of calls) {
    const number = threads.indexOf(call.thread);
    const from = place(call.start);
    const to = call.duration === null ? width - 4 : place(call.start + call.duration);
    const css = call.asked !== null && !call.met ? "bad" : call.asked !== null ? "asked" : "plain";
    const name = call.text.split("(")[0];
    drawn.append(
      svg(
        "rect",
        {
          class: `call ${css}`,
          x: from,
          y: number * lane + 8,
          width: Math.max(3, to - from),
          height: lane - 16,
          rx: 2,
        },
        svg("title", {}, call.text),
      ),
    );
    if (what === "call" && to - from > name.length * 7.5 + 12 && from >= free[number]) {
      drawn.append(svg("text", { class: `label ${css}`, x: from + 6, y: number * lane + 21 }, name));
      free[number] = to;
    }
  }
  return h("figure", { class: "scroll", tabindex: 0, role: "group", "aria-label": `Time line of ${what}s` }, drawn);
}

/**
 * Round moments, about five of them.
 * @param {number} span
 */
function ticks(span) {
  const rough = span / 5;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough) ?? rough;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, number) => Math.round(number * step));
}
