// The hash of the address: what is written can be read again, and nothing that somebody types breaks it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { address, routeOf } from "../../reports/html/page/address.js";

test("an address is read as it was written", () => {
  const texts = ["demo.b/inet-stream", "a%b", "100%", "a?b#c", "é/ü", "x@y:z", "a b+c", "</script>", "%41"];
  for (const argument of texts) {
    for (const q of ["", ...texts]) {
      const hash = address("row", argument, { q, kernel: "6.1 root" });
      assert.deepEqual(routeOf(hash), { view: "row", argument, query: q, kernel: "6.1 root" });
    }
  }
});

test("an address stays readable", () => {
  assert.equal(address("overview"), "#overview");
  assert.equal(
    address("row", "connect.EISCONN/inet@x:y", { q: "errno:EISCONN,EPERM", kernel: "" }),
    "#row/connect.EISCONN/inet@x:y?q=errno:EISCONN,EPERM",
  );
});

test("a malformed address is taken as it stands", () => {
  assert.deepEqual(routeOf(""), { view: "overview", argument: "", query: "", kernel: "" });
  assert.deepEqual(routeOf("#row"), { view: "row", argument: "", query: "", kernel: "" });
  assert.equal(routeOf("#row/%").argument, "%");
  assert.equal(routeOf("#row/%E0%A4%A").argument, "%E0%A4%A");
  assert.equal(routeOf("#row/a?q=%&kernel=%ZZ").query, "%");
  assert.equal(routeOf("#rows?q=is:x?y").query, "is:x?y");
});
