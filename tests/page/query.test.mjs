// The filter: what each term lets through, on two kernels that differ.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openReport } from "../../reports/html/page/data.js";
import { filterOf, term } from "../../reports/html/page/query.js";
import { named, samples, two } from "./samples.mjs";

const filter = filterOf(two);
const ALL = ["a/inet", "a/inet6", "b/inet", "c/inet", "d/inet", "e/inet", "f/inet"];
const without = (...names) => ALL.filter((name) => !names.includes(name));

/** Terms of the filter, and the rows that they leave: clause and family. */
const QUERIES = {
  "": ALL,
  "demo.a": ["a/inet", "a/inet6"],
  "DEMO.A": ["a/inet", "a/inet6"],
  "verdict:deviates": ["b/inet", "e/inet"],
  "verdict:unexpected": ["b/inet", "d/inet", "f/inet"],
  "verdict:*s": ["a/inet", "a/inet6", "b/inet", "e/inet", "f/inet"],
  "expected:no": ["b/inet", "d/inet", "f/inet"],
  "expected:yes": ["a/inet", "a/inet6", "c/inet", "e/inet"],
  "verdict:deviates expected:yes": ["e/inet"],
  "is:known": ["e/inet"],
  "is:unexpected": ["b/inet", "d/inet", "f/inet"],
  "is:different": ["a/inet6", "b/inet", "f/inet"],
  "family:inet6": ["a/inet6"],
  "family:inet": without("a/inet6"),
  "family:net": [],
  "family:inet* clause:demo.a,demo.c": ["a/inet", "a/inet6", "c/inet"],
  "family:inet. clause:demo.a": [],
  "type:stream -verdict:conforms,deviates": ["c/inet", "d/inet"],
  "mode:nonblocking": [],
  "errno:eisconn": ["b/inet", "e/inet"],
  "errno:EIS": [],
  "allowed:EISCONN": ["b/inet", "e/inet"],
  "observed:NOTCONN": ["b/inet"],
  "reason:valueerror": ["d/inet"],
  "test:test_d.py": ["d/inet"],
  "subject:d": ["d/inet"],
  "row:demo.b/*": ["b/inet"],
  "row:demo.b": [],
  1998: ["e/inet", "f/inet"],
  '"since 1998" -f': ["e/inet"],
  "differently": ["a/inet", "a/inet6"],
  "document:other.3 kernel:6.18 entry:syscall": ["a/inet", "a/inet6", "b/inet"],
  "-kernel:6.18": without("a/inet6"),
  "demo.b/inet-stream": ["b/inet"],
  "topology:pair": ["b/inet"],
  "-topology:pair": without("b/inet"),
  "entry:io_uring": [],
  "entry:io_uring,syscall": ALL,
  "-entry:io_uring": ALL,
  // The former names of entry and topology.
  "world:pair": ["b/inet"],
  "-world:pair": without("b/inet"),
  "World:pair demo.b": ["b/inet"],
  "door:io_uring": [],
  "door:syscall family:inet6": ["a/inet6"],
  "-door:io_uring": ALL,
  "-door:syscall": [],
  // What is still being typed, and what only looks like a term.
  "verdict:": ALL,
  "-": ALL, // Each id has one.
  "nobody:b": [],
};

for (const [query, wanted] of Object.entries(QUERIES)) {
  test(`the filter ${JSON.stringify(query)}`, () => {
    const { found, unknown } = filter.search(query);
    assert.deepEqual(named(two, found).sort(), wanted);
    assert.deepEqual(unknown, []);
    assert.deepEqual([...found], [...found].sort((one, other) => one - other));
  });
}

test("rows are let through kernel by kernel", () => {
  assert.equal(filter.search("observed:ENOTCONN").found.length, 1);
  assert.equal(filter.search("kernel:6.18.0").found.length, 6);
  assert.equal(filter.search("is:different").found.length, 4);
});

test("a kernel that is named whole is meant alone", () => {
  const labels = openReport(samples.labels.data);
  const count = (query) => filterOf(labels).search(query).found.length;
  assert.deepEqual(["kernel:6", "kernel:6.1", "kernel:6.12", "-kernel:6.1"].map(count), [12, 6, 6, 6]);
});

test("terms that have no meaning are named, and the others hold", () => {
  const { found, unknown } = filter.search("verdict:fine is:odd expected:maybe -is:odd EISCONN");
  assert.deepEqual(unknown, ["verdict:fine", "is:odd", "expected:maybe", "-is:odd"]);
  assert.equal(found.length, 4);
});

test("a value that is put into a term is found by it", () => {
  for (const [value, written] of Object.entries({ d: "d", "two words": '"two words"', 'say "so"': '"say so"' })) {
    assert.equal(term(value), written);
  }
  const texts = [...two.texts];
  texts[two.rows.topology.find((number) => number > 0)] = "two words";
  const report = openReport({ ...samples.two.data, texts });
  assert.deepEqual(named(report, filterOf(report).search(`topology:${term("two words")}`).found), ["b/inet"]);
});
