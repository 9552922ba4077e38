// The packed form of a row: its calls with times and threads, and each part opened once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openDetails } from "../../reports/html/page/evidence.js";
import { rowNamed, samples, two } from "./samples.mjs";

const detailOf = openDetails(two.part, () => samples.two.parts);

test("calls have their times, threads, and what was asked of them", async () => {
  const { calls, topology, evidence, packets, terminal } = await detailOf(rowNamed(two, "b/inet"));
  assert.deepEqual(
    calls.map(({ start, duration, thread, asked, met }) => [start, duration, thread, asked, met]),
    [
      [200_000, 1_500_000, "caller", "EISCONN", true],
      [1000, 100, "main", "EISCONN", false],
      [1_900_000, null, "main", null, true],
    ],
  );
  assert.equal(calls[2].text, "poll(3) = ? <did not return>");
  assert.equal(topology?.name, "pair");
  assert.deepEqual(topology?.hosts.map((host) => host.name), ["client", "server"]);
  assert.deepEqual(evidence.map((each) => [each.kind, each.note]), [["packets", undefined], ["sockets", "two"]]);
  assert.equal(terminal, "oh");
  assert.deepEqual(packets, []);
});

test("a row without anything of it has empty lists", async () => {
  const { calls, topology, evidence, packets, terminal, rerun } = await detailOf(rowNamed(two, "c/inet"));
  assert.deepEqual({ calls, evidence, packets }, { calls: [], evidence: [], packets: [] });
  assert.deepEqual([topology, terminal, rerun].map((each) => each ?? null), [null, null, null]);
});

test("each part is read when it is wanted, and once", async () => {
  let reads = 0;
  const details = openDetails(two.part, () => {
    reads++;
    return samples.two.parts;
  });
  assert.equal(reads, 0);
  await Promise.all([...two.everyRow].map(details));
  assert.equal(reads, 1);
});
