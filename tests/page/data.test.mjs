// How rows are looked up: ids, states, subjects, errnos, and what kernels disagree about.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openReport, stateOf } from "../../reports/html/page/data.js";
import { named, rowNamed, samples, two } from "./samples.mjs";

test("each row is found by its id, and an id that names none is not", () => {
  assert.equal(two.everyRow.length, 12);
  assert.equal(two.itemCount, 7);
  assert.ok(two.several);
  for (const row of two.everyRow) {
    const id = two.idOf(two.rows.item[row]);
    assert.match(id, /^demo\.[a-f]\/inet6?-stream-blocking-syscall$/);
    assert.equal(two.itemOf(id), two.rows.item[row]);
    assert.ok(two.rowsOf(two.rows.item[row]).includes(row));
  }
  const nothing = ["", "demo.b", "demo.b/", "demo.b/inet-stream-blocking-syscall/", "__proto__", "0", "%"];
  for (const id of nothing) assert.equal(two.itemOf(id), undefined, id);
});

test("an id that does not begin with its clause's stands whole", () => {
  const data = structuredClone(samples.two.data);
  data.texts.push("/strange id");
  data.items.tail[0] = data.texts.length - 1;
  const report = openReport(data);
  assert.equal(report.idOf(0), "strange id");
  assert.equal(report.tailOf(0), "strange id");
  assert.equal(report.itemOf("strange id"), 0);
});

test("the rows of an item are those of each kernel in order", () => {
  const item = two.itemOf("demo.b/inet-stream-blocking-syscall");
  assert.deepEqual(two.rowsOf(item).map((row) => two.rows.kernel[row]), [0, 1]);
  const alone = two.itemOf("demo.a/inet6-stream-blocking-syscall");
  assert.deepEqual(two.rowsOf(alone).map((row) => two.rows.kernel[row]), [1]);
});

test("without a kernel that has the label, what is unexpected is shown, then what deviates, then the first", () => {
  const [conforms, deviates, unexpected] = [0, 1, 4];
  const shown = (label, ...verdicts) => {
    const data = structuredClone(samples.two.data);
    const item = two.itemOf("demo.b/inet-stream-blocking-syscall");
    verdicts.forEach((verdict, kernel) => (data.rows.verdict[rowNamed(two, "b/inet", kernel)] = verdict));
    return data.rows.kernel[openReport(data).rowToShow(item, label)];
  };
  assert.equal(shown("", conforms, conforms), 0);
  assert.equal(shown("", conforms, deviates), 1);
  assert.equal(shown("", deviates, conforms + unexpected), 1);
  assert.equal(shown("no such kernel", conforms, deviates), 1);
  assert.equal(shown("6.18.0 root", deviates + unexpected, conforms), 1);
  assert.equal(shown("6.1.0 root", conforms, deviates + unexpected), 0);
});

test("a row has one of five states, and words for it", () => {
  const words = (name) => [two.rowState(rowNamed(two, name)), two.stateWords(rowNamed(two, name))];
  assert.deepEqual(words("a/inet"), ["good", "conforms"]);
  assert.deepEqual(words("b/inet"), ["bad", "deviates"]);
  assert.deepEqual(words("c/inet"), ["none", "not exercised"]);
  assert.deepEqual(words("d/inet"), ["error", "harness error"]);
  assert.deepEqual(words("e/inet"), ["known", "deviates, as expected"]);
  assert.deepEqual(words("f/inet"), ["bad", "conforms, unexpectedly"]);
  const all = [0, 1, 2, 3].flatMap((verdict) => [stateOf(verdict, false), stateOf(verdict, true)]);
  assert.deepEqual(all, ["good", "bad", "known", "bad", "none", "none", "error", "error"]);
});

test("an expectation belongs to its rows only", () => {
  assert.equal(two.expectationOf(rowNamed(two, "a/inet")), undefined);
  assert.deepEqual(two.expectationOf(rowNamed(two, "e/inet")), ["met", "demo.e/*", "EPERM", "known since 1998", "kernel"]);
});

test("kernels differ where outcomes do, and where one has no such row", () => {
  const items = Array.from({ length: two.itemCount }, (_, item) => item);
  const firstRows = (found) => named(two, found.map((item) => two.firstRow[item]));
  assert.deepEqual(firstRows(items.filter(two.differs)), ["a/inet6", "b/inet", "f/inet"]);
  assert.deepEqual(firstRows(items.filter(two.contradicts)), ["b/inet"]);
});

test("a row is about the errnos of its clause and of both sides", () => {
  assert.deepEqual([...two.errnosOf(rowNamed(two, "b/inet"))].sort(), ["ECONNREFUSED", "EISCONN"]);
  assert.deepEqual([...two.errnosOf(rowNamed(two, "b/inet", 1))].sort(), ["EISCONN", "ENOTCONN"]);
  assert.deepEqual([...two.errnosOf(rowNamed(two, "c/inet"))], []);
});

test("subjects are modules of tests, and documents stand once for a clause", () => {
  assert.equal(two.subjectOf(two.rows.item[rowNamed(two, "e/inet")]), "e");
  assert.deepEqual(two.documentsOf(0), ["demo.2", "other.3"]);
});
