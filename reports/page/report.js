"use strict";
// Opens what the address names, and filters clauses and rows. The page is complete without it.
(() => {
  /** Open the element that the address names, and every fold around it. */
  function openTarget() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let at = target; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
    target?.scrollIntoView();
  }

  const filter = /** @type {HTMLInputElement} */ (document.getElementById("filter"));
  const only = /** @type {HTMLSelectElement} */ (document.getElementById("only"));
  const shown = /** @type {HTMLOutputElement} */ (document.getElementById("shown"));
  const clauses = [...document.querySelectorAll("details.clause")].map((clause) => ({
    clause,
    text: (clause.querySelector("summary")?.textContent ?? "").toLowerCase(),
    rows: [...clause.querySelectorAll("details.row")].map((row) => ({
      row,
      state: row.getAttribute("data-state"),
      text: row.id.toLowerCase(),
    })),
  }));

  /** Show the rows in which every word occurs and which have the chosen verdict; a clause without rows hides. */
  function apply() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = words.length === 0 && !only.value;
    let count = 0;
    for (const { clause, text, rows } of clauses) {
      let some = all;
      for (const { row, state, text: id } of rows) {
        const wanted =
          (!only.value || state === only.value) && words.every((word) => id.includes(word) || text.includes(word));
        row.toggleAttribute("hidden", !wanted);
        some ||= wanted;
        count += wanted ? 1 : 0;
      }
      clause.toggleAttribute("hidden", !some);
    }
    shown.value = all ? "" : `${count} rows`;
  }

  filter.addEventListener("input", apply);
  only.addEventListener("change", apply);
  addEventListener("hashchange", openTarget);
  openTarget();
})();
