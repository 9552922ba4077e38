// From many rows to one state, and why something was not exercised.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ANY_UNEXPECTED, scoresOf, stateOfMask, stateOfStatement, tally } from "../../reports/html/page/score.js";
import { named, rowNamed, samples, two } from "./samples.mjs";

const scores = scoresOf(two);

test("page and terminal count alike", () => {
  const counted = scores
    .clauseMasks(two.everyRow)
    .map((masks) =>
      Object.fromEntries(
        scores.documents.map((doc) => [
          doc.id,
          tally(scores.statementsOf(doc).map((statement) => stateOfStatement(statement, masks))),
        ]),
      ),
    );
  assert.deepEqual(counted, samples.two.scores);
});

test("the gravest verdict of many is their state", () => {
  const [conforms, deviates, untried, error] = [1, 2, 4, 8];
  assert.equal(stateOfMask(0), "none");
  assert.equal(stateOfMask(untried), "none");
  assert.equal(stateOfMask(untried | conforms), "good");
  assert.equal(stateOfMask(conforms | deviates), "known");
  assert.equal(stateOfMask(conforms | deviates | ANY_UNEXPECTED), "bad");
  assert.equal(stateOfMask(conforms | ANY_UNEXPECTED), "bad");
  assert.equal(stateOfMask(conforms | deviates | untried | error | ANY_UNEXPECTED), "error");
});

test("masks are of the rows that were chosen, by kernel and clause", () => {
  const [one, other] = scores.clauseMasks(Uint32Array.of(rowNamed(two, "b/inet", 1), rowNamed(two, "e/inet", 1)));
  assert.deepEqual([...one], [0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...other], [0, 2 | ANY_UNEXPECTED, 0, 0, 2, 0, 0]);
});

test("documents that are known by sentence come first, and one that says nothing is left out", () => {
  assert.deepEqual(scores.documents.map((doc) => doc.id), ["other.3", "demo.2"]);
  assert.deepEqual(scores.statementsOf(scores.documents[0]), [[0], [1]]);
  assert.deepEqual(scores.statementsOf(scores.documents[1]), [[0], [1], [2], [3], [4], [5], [6]]);
  const silent = { id: "silent.1", title: "Nothing", sentences: [] };
  const report = { ...two, documents: [{ ...silent, id: "kernel" }, silent, ...two.documents] };
  report.documentsOf = (clause) => (clause ? two.documentsOf(clause) : [...two.documentsOf(clause), "kernel"]);
  assert.deepEqual(scoresOf(report).documents.map((doc) => doc.id), ["other.3", "demo.2", "kernel"]);
});

test("what was not exercised stands under its reason: clauses without rows only where all is shown", () => {
  const reasons = scores.reasonsNotExercised(two.everyRow, true);
  assert.deepEqual(reasons, [
    ["nobody can", { clauses: [6], rows: [] }],
    ["not here", { clauses: [2], rows: [] }],
  ]);
  assert.deepEqual(scores.reasonsNotExercised(two.everyRow, false), [["not here", { clauses: [2], rows: [] }]]);
});

test("a clause without rows was not selected, which comes last; single rows stand beside rows that ran", () => {
  const row = rowNamed(two, "c/inet");
  const items = { ...two.items, clause: [...two.items.clause] };
  items.clause[two.rows.item[row]] = 0;
  const reasons = scoresOf({ ...two, items }).reasonsNotExercised(two.everyRow, true);
  assert.deepEqual(
    reasons.map(([reason, of]) => [reason, of.clauses, named(two, of.rows)]),
    [
      ["not here", [], ["c/inet"]],
      ["nobody can", [6], []],
      ["no row of it was selected for this run", [2], []],
    ],
  );
});
