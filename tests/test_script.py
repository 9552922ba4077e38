"""The page's script without a browser: what its modules compute, their types, and how they become one script.

``node --test`` runs ``tests/page/*.test.mjs`` on data that the packer made; ``tsc`` checks types. Both are skipped
where they are not installed.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netns.capture import Captured, write_packets
from reports.html.page_script import join_modules
from reports.html.render import render
from results.reader import Results
from results.scores import score_documents
from tests.conftest import ROOT
from tests.tools.page_samples import element, parts, rows, suites, two_kernels
from tests.tools.samples import ROWS, sample

PAGE = ROOT / "reports" / "html" / "page"
NODE, TSC = shutil.which("node"), shutil.which("tsc")
PURE = ("address", "data", "evidence", "query", "score")


def run(*command: str | Path | None, **variables: str) -> str:
    """The output of a command, which has to succeed."""
    words = [str(each) for each in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scores(results: Results) -> dict[str, dict[str, int]]:
    """The scores of documents as the terminal counts them, under the page's names of states."""
    return {
        score.document.id: {
            "good": score.conforming,
            "known": score.expected,
            "bad": score.unexpected,
            "error": score.harness_errors,
            "none": score.not_exercised,
        }
        for score in score_documents(results)
    }


@pytest.mark.skipif(NODE is None, reason="THE PAGE'S SCRIPT IS NOT TESTED: there is no node on PATH")
def test_what_the_modules_compute(tmp_path: Path) -> None:
    two = two_kernels(tmp_path)
    labels = [sample(tmp_path, label="6.1"), sample(tmp_path, label="6.12")]
    pages = {"two": render(two), "labels": render(labels)}
    samples: dict[str, dict[str, Any]] = {
        name: {"data": json.loads(element(page, 'id="data">')), "parts": element(page, 'id="parts">')}
        for name, page in pages.items()
    }
    samples["two"]["scores"] = [scores(each) for each in two]
    path = tmp_path / "samples.json"
    path.write_text(json.dumps(samples), encoding="utf-8")
    tests = sorted((ROOT / "tests" / "page").glob("*.test.mjs"))
    assert len(tests) == len(PURE)
    said = run(NODE, "--test", "--test-reporter=tap", *tests, KCONFORM_PAGE_SAMPLES=str(path))
    assert re.search(r"^# fail 0$", said, re.MULTILINE)
    assert int(re.findall(r"^# pass (\d+)$", said, re.MULTILINE)[0]) > 60


@pytest.mark.skipif(TSC is None, reason="TYPES OF THE PAGE'S SCRIPT ARE NOT CHECKED: there is no tsc on PATH")
def test_types() -> None:
    run(TSC, "-p", PAGE / "jsconfig.json")


def imports(name: str) -> set[str]:
    """The modules that a module needs, with all that those need."""
    text = (PAGE / f"{name}.js").read_text(encoding="utf-8")
    direct = set(re.findall(r'^(?:import .*|\}) from "\./(\w+)\.js";$', text, re.MULTILINE))
    return direct.union(*map(imports, direct))


def test_modules_that_compute_need_no_page() -> None:
    for name in PURE:
        assert imports(name) <= set(PURE), name
        text = (PAGE / f"{name}.js").read_text(encoding="utf-8")
        assert not re.search(r"\b(document|window|location|history|navigator)\.|\bElement\b", text), name
    # All that stands there is used, but for the types, which are nothing at run time.
    assert imports("app") | {"app", "types"} == {path.stem for path in PAGE.glob("*.js")}


def test_each_module_says_what_may_stand_in_it() -> None:
    for path in PAGE.glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert re.match(r"// @ts-check\n// [A-Z][^\n]{20,}", text), path
        assert text.count("\n") <= 400, path


def folder_of(path: Path, **modules: str) -> Path:
    """A folder with these modules."""
    for name, text in modules.items():
        (path / f"{name}.js").write_text(text, encoding="utf-8")
    (path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return path


JOINED = {
    # One name in three modules, a name of the browser's own, imported names on several lines, each kind of export.
    "app": (
        'import { twice } from "./a.js";\nimport {\n  NAME,\n  later,\n} from "./b.js";\n\nconst own = 3;\n'
        "const status = `${own} /* kept */ // kept`; // dropped or not\n"
        'later().then((said) => console.log(twice(own), NAME, said, typeof status, "import { x }"));\n'
    ),
    "a": (
        "// export const no = 1;\n/* import\n * more */\nconst own = 2;\n"
        "export function twice(x) {\n  return own * x;\n}\n"
    ),
    "b": (
        'import { twice } from "./a.js";\nconst own = twice(5);\nexport const NAME = `n${own}`;\n'
        "export async function later() {\n  return own + (typeof twice);\n}\n"
    ),
}


@pytest.mark.skipif(NODE is None, reason="JOINED MODULES ARE NOT RUN: there is no node on PATH")
def test_joined_modules_do_what_the_modules_do(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, **JOINED)
    joined = tmp_path / "joined.mjs"
    joined.write_text(join_modules(folder=folder), encoding="utf-8")
    assert run(NODE, joined) == run(NODE, folder / "app.js") == "6 n10 10function string import { x }\n"


REFUSED = {
    'import x from "./a.js";': "import x",
    'import * as x from "./a.js";': "import * as x",
    'import { a as b } from "./a.js";': "a as b",
    'import "./a.js";': "import",
    'import { a } from "a";': 'from "a"',
    'import { a } from "../a.js";': "../a.js",
    'const a = await import("./a.js");': "import(",
    "const a = import.meta.url;": "import.meta",
    "export default 1;": "export default",
    "export { a };": "export { a }",
    'export * from "./a.js";': "export *",
    "export let a = 1;": "export let",
    "export class A {}": "export class",
    "export const { a } = x;": "export const {",
    "const a = `\nexport const b = 1;\n`;": "spans lines",
    "const a = 'b\\\nexport const c';": "spans lines",
    'import { b } from "./a.js";': "imports b, which a.js does not export",
    'import { round } from "./round.js";': "app -> round -> app",
}


@pytest.mark.parametrize("text", REFUSED, ids=[f"form{number}" for number in range(len(REFUSED))])
def test_a_form_that_cannot_be_joined_is_refused(tmp_path: Path, text: str) -> None:
    round_ = 'import { a } from "./app.js";\nexport const round = 1;\n'
    folder = folder_of(tmp_path, app=f"export const a = 1;\n{text}\n", a="export const a = 1;\n", round=round_)
    with pytest.raises(ValueError, match=re.escape(REFUSED[text])):
        join_modules(folder=folder)


def fields(name: str) -> set[str]:
    """The names of the fields of a type in types.js; those that may be left out end with a question mark."""
    text = (PAGE / "types.js").read_text(encoding="utf-8")
    found = re.search(rf"@typedef \{{\{{((?:(?!\}}\}}).)*)\}}\}} {name}\b", text, re.DOTALL)
    assert found is not None, name
    return set(re.findall(r"(\w+\??): ", re.sub(r"\n \* ", "\n", found[1])))


def test_the_types_have_the_fields_that_the_packer_writes(tmp_path: Path) -> None:
    (folder := tmp_path / "evidence" / "demo.b~inet-stream-blocking-syscall").mkdir(parents=True)
    write_packets(folder / "packets.pcapng", [Captured(10**18, "client:to-server", outbound=True, data=b"\0" * 20)])
    whole = [*rows(rerun="pytest --row other"), ROWS[0]]
    page = render(sample(tmp_path, whole[:-1], suites=suites()))
    data = json.loads(element(page, 'id="data">'))
    assert data.keys() == fields("Data")
    assert data["rows"].keys() == fields("RowColumns")
    assert data["items"].keys() == fields("ItemColumns")
    for name, table in (("Kernel", data["kernels"]), ("Clause", data["clauses"]), ("Document_", data["documents"])):
        for each in table:
            assert each.keys() == fields(name)
    detail = fields("PackedDetail")
    always = {name for name in detail if not name.endswith("?")}
    found = parts(page)
    assert set().union(*found) == {name.rstrip("?") for name in detail}
    assert set(found[0]).intersection(*found) == always
    (told,) = (each for each in found if "topology" in each)
    assert told["topology"].keys() == fields("Topology")
    assert all(host.keys() == fields("Host") for host in told["topology"]["hosts"])
    evidence = fields("Evidence")
    assert {name for each in told["evidence"] for name in each} == {name.rstrip("?") for name in evidence}
