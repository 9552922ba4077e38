// @ts-check
// From the address to a view, and from the filter box to the address.

/** Views that a filter narrows. @type {Record<string, (chosen: Chosen) => HTMLElement[]>} */
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

/** @typedef {{view: string, argument: string, query: string, kernel: string}} Route */

/** @returns {Route} */
function route() {
  const [path, asked = ""] = location.hash.slice(1).split(/\?(.*)/s);
  const [name, ...rest] = path.split("/");
  const options = new URLSearchParams(asked);
  return {
    view: name || "overview",
    argument: decoded(rest.join("/")),
    query: options.get("q") ?? "",
    kernel: options.get("kernel") ?? "",
  };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // Somebody's own percent sign.
  }
}

/** @param {Route} at @returns {HTMLElement[]} */
function show({ view: name, argument, query, kernel }) {
  const { found, unknown } = search(query);
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
      return rowsView({ found: search(`${name}:${term(argument)}`).found, query: argument });
  }
  return missing("view", name);
}

/** Show what the address names. @param {boolean} moved whether somebody went there, who now has to be led to it */
function render(moved) {
  const at = route();
  if (document.activeElement !== box) box.value = at.query;
  main.replaceChildren(...show(at));
  const heading = main.querySelector("h1");
  document.title = `${at.view === "overview" ? "" : `${heading?.textContent} – `}kconform: ${kernels.map((each) => each.label).join(", ")}`;
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

/** Keep the filter in the address; where a view shows no rows, the rows themselves are shown. */
function filter() {
  const at = route();
  const name = Object.hasOwn(FILTERED, at.view) || at.view === "document" || at.view === "clause" ? at.view : "rows";
  history.replaceState(null, "", address(name, name === at.view ? at.argument : "", { q: box.value.trim() }));
  render(false);
}

box.addEventListener("input", filter);
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
setTimeout(lower, 200); // So that the first letter that somebody types waits for nothing.
