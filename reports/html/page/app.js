// @ts-check
// From the address to a view, and from the filter box to the address. Nothing imports this module: it starts the page.

import { address, routeOf } from "./address.js";
import { clauseView, documentsView, documentView } from "./catalogue.js";
import { counted } from "./dom.js";
import { factsView } from "./facts.js";
import { overview } from "./overview.js";
import { missing } from "./pieces.js";
import { term } from "./query.js";
import { filter, report } from "./report.js";
import { rowView } from "./row.js";
import {
  disagreementsView,
  errnoView,
  matrixView,
  notExercisedView,
  rowsView,
  slowestView,
  subjectView,
} from "./views.js";

/** @typedef {import("./views.js").Chosen} Chosen */
/** @typedef {import("./address.js").Route} Route */

/**
 * Views that a filter narrows.
 * @type {Record<string, (chosen: Chosen) => HTMLElement[]>}
 */
const FILTERED = {
  documents: documentsView,
  errno: errnoView,
  subject: subjectView,
  matrix: matrixView,
  disagreements: disagreementsView,
  "not-exercised": notExercisedView,
  slowest: slowestView,
  rows: rowsView,
};

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const box = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
const shownCount = /** @type {HTMLOutputElement} */ (document.getElementById("shown"));
const links = /** @type {HTMLAnchorElement[]} */ ([...document.querySelectorAll("nav a")]);

/** @param {Route} at @returns {HTMLElement[]} */
function show({ view: name, argument, query, kernel }) {
  const start = performance.now();
  const { found, unknown } = filter.search(query);
  performance.measure("search", { start }); // For the browser's profiler, and for tests/bench/page.py.
  const chosen = { found, query };
  shownCount.value = query
    ? `${counted(found.length, "row")}${unknown.length ? `; not understood: ${unknown.join(" ")}` : ""}`
    : "";
  if (Object.hasOwn(FILTERED, name) && !argument) return FILTERED[name](chosen);
  switch (name) {
    case "overview":
      return overview();
    case "document":
      return documentView(argument, chosen);
    case "sentence": {
      const cut = argument.lastIndexOf("/");
      return documentView(argument.slice(0, cut), chosen, argument.slice(cut + 1));
    }
    case "clause":
      return clauseView(argument, chosen);
    case "row":
      return rowView(argument, kernel);
    case "facts":
      return factsView();
    case "errno":
    case "subject":
      return rowsView({ found: filter.search(`${name}:${term(argument)}`).found, query: argument });
  }
  return missing("view", name);
}

/**
 * Show what the address names.
 * @param {boolean} moved whether somebody went there, who now has to be led to it
 */
function render(moved) {
  const at = routeOf(location.hash);
  if (document.activeElement !== box) box.value = at.query;
  main.replaceChildren(...show(at));
  const heading = main.querySelector("h1");
  document.title = `${at.view === "overview" ? "" : `${heading?.textContent} – `}kconform: ${report.kernels.map((each) => each.label).join(", ")}`;
  for (const each of links) {
    const [view] = each.hash.slice(1).split("?");
    if (view === at.view) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
    each.setAttribute("href", address(view, "", { q: Object.hasOwn(FILTERED, view) ? at.query : "" }));
  }
  const wanted = main.querySelector(".wanted");
  if (wanted) wanted.scrollIntoView({ block: "center" });
  else if (moved) scrollTo(0, 0);
  if (moved && heading) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
}

/** Keep the filter in the address; where a view does not show rows, go to the view that lists them. */
function refilter() {
  const at = routeOf(location.hash);
  const name = Object.hasOwn(FILTERED, at.view) || at.view === "document" || at.view === "clause" ? at.view : "rows";
  history.replaceState(null, "", address(name, name === at.view ? at.argument : "", { q: box.value.trim() }));
  render(false);
}

box.addEventListener("input", refilter);
box.form?.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // The address names a view, and stays.
  main.focus();
});
addEventListener("beforeprint", () => {
  for (const button of document.querySelectorAll(".more")) button.dispatchEvent(new Event("everything"));
});
addEventListener("hashchange", () => render(true));
render(false);
document.documentElement.dataset.ready = "yes";
setTimeout(filter.prepare, 200); // So that the first letter that somebody types waits for nothing.
