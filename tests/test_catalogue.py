"""What is wrong in a catalogue, or between it and the tests, stops the run with the name, the place and the mend."""

import re
import tomllib

import pytest

from results.catalogue import load_suite
from tests.conftest import CLAUSE, HEAD, ROOT, Project

TWICE = """
@clause("demo.a")
@variants(families=["inet"])
def test_x(sock): pass

@clause("demo.a")
@variants(families=["inet"])
def test_y(sock): pass
"""
PASSES = "assert sock.connect(servers.closed()) == ECONNREFUSED"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("clauses/demo.toml", "[[clause]\nid = 1", "clauses/demo.toml: is not valid TOML: .*line 1, column"),
        ("clauses/demo.toml", '[[clause]]\nid = ""\n', "clauses/demo.toml: clause '': 'sources' has to be a list"),
        ("clauses/demo.toml", '[[clause]]\nid = "x"\nsay = 1\n', "clause 'x': unknown key 'say'; known are"),
        ("clauses/demo.toml", CLAUSE.format(name="a") * 2, "the clause 'demo.a' stands twice"),
        ("clauses/demo.toml", CLAUSE.format(name="a").replace("demo.2", "demo.3"), "names the document 'demo.3'"),
        ("clauses/demo.toml", CLAUSE.format(name="a").replace(" [DESC", "[DESC"), "is not of the form"),
        ("clauses/demo.toml", "", "there are no clauses"),
        ("documents/demo.toml", "[document]\nid = 'demo.2'\n", "'title' has to be a text"),
        (
            "documents/demo.toml",
            "[document]\nid = 'demo.2'\ntitle = 't'\n[[sentence]]\nid = 'S1'\ngist = 'g'\nclauses = ['demo.z']\n",
            "document 'demo.2', sentence 'S1': there is no clause 'demo.z'",
        ),
        ("suite.toml", 'name = "demo"\ntitle = "demo"\n', "suite.toml: 'calls' has to be a list of texts"),
        ("expectations/k.toml", "[[expectation]]\nrows = 1\n", "'rows' has to be a text"),
    ],
)
def test_a_bad_file(project: Project, name: str, text: str, said: str) -> None:
    project.test(PASSES)
    project.write(name, text)
    ran = project.run()
    assert ran.status == 4
    assert re.search(said, ran.output), ran.output
    assert "Traceback" not in ran.output


NAMED = """
@clause("other.a")
@variants(families=["inet"], entries=[{entry!r}])
def test_named(sock, server):
    assert sock.connect(server.address) == 0
    {act}
"""


def second_suite(project: Project, *, clauses: str = "other.a", title: str = "A page about nothing") -> None:
    """Put a suite beside the project's own, about another system call, with the same document."""
    project.write("../other/suite.toml", 'name = "other"\ntitle = "other"\ncalls = ["getsockname"]\n')
    project.write("../other/documents/demo.toml", f'[document]\nid = "demo.2"\ntitle = "{title}"\n')
    project.write("../other/clauses/other.toml", CLAUSE.format(name="a").replace("demo.a", clauses))


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({"clauses": "demo.a"}, "suites/other: the clause 'demo.a' stands in .*suites/demo already"),
        ({"title": "Another"}, "'demo.2' is called 'A page about nothing' in .*suites/demo: give it the same title"),
    ],
)
def test_suites_that_contradict_each_other(project: Project, differs: dict[str, str], said: str) -> None:
    project.test(PASSES)
    second_suite(project, **differs)
    ran = project.run()
    assert ran.status == 4
    assert re.search(said, ran.output), ran.output


def test_a_second_system_call(project: Project) -> None:
    project.test(PASSES)
    second_suite(project)
    named = NAMED.format(entry="syscall", act="assert sock.getsockname().value.host == '127.0.0.1'")
    project.write("../other/test_named.py", HEAD + named)
    ran = project.run()
    assert {id_.partition("/")[0]: row["verdict"] for id_, row in ran.rows.items()} == {
        "demo.a": "conforms",
        "other.a": "conforms",
    }
    assert ran.output.count("demo.2 ") == 1
    assert ran.records[0]["entries"]["syscall"]["how"].endswith(", syscall(51, ...)")


def test_a_second_system_call_that_never_happens(project: Project) -> None:
    project.test(PASSES)
    second_suite(project)
    project.write("../other/test_named.py", HEAD + NAMED.format(entry="syscall", act=""))
    row = project.run().rows["other.a/inet-stream-blocking-syscall"]
    assert (row["verdict"], row["reason"]) == (
        "harness-error",
        "the call under test was never made: there is no getsockname() of the test's own in the transcript",
    )


def test_an_entry_point_that_does_not_carry_the_call(project: Project) -> None:
    project.test(PASSES)
    second_suite(project)
    project.write("../other/test_named.py", HEAD + NAMED.format(entry="io_uring", act="sock.getsockname()"))
    ran = project.run()
    assert ran.status == 2
    assert "the entry point 'io_uring' can't make getsockname()" in ran.output


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_an_unknown_clause(project: Project, workers: list[str]) -> None:
    project.test(PASSES, name="aa")
    ran = project.run(*workers)
    assert ran.status == (1 if workers else 2)
    assert not ran.rows
    assert "tries the clause 'demo.aa', which the catalogue in" in ran.output
    assert "Did you mean demo.a?" in ran.output


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_a_clause_without_a_test(project: Project, workers: list[str]) -> None:
    project.clauses("a", "b")
    project.test(PASSES)
    ran = project.run(*workers)
    assert ran.status == (1 if workers else 2)
    assert not ran.rows
    assert "clause 'demo.b' has no test: write one with @clause('demo.b')" in ran.output


def test_a_part_of_a_suite_is_not_blamed_for_the_rest(project: Project) -> None:
    project.clauses("a", "b")
    project.test(PASSES)
    project.test(PASSES, name="b")
    assert project.run("suites/demo/test_a.py").status == 0
    assert project.run("--clause", "demo.b").status == 0


def test_a_clause_that_has_a_reason_and_a_test(project: Project) -> None:
    project.test(PASSES)
    project.write("clauses/demo.toml", CLAUSE.format(name="a") + 'untestable = "nobody can"\n')
    ran = project.run()
    assert ran.status == 2
    assert not ran.rows
    assert "clause 'demo.a' has a test and yet says that none can exist: nobody can" in ran.output


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def test_x(sock): pass", r"test_x has 0 @clause marks: a row needs exactly one"),
        ('@clause("demo.a")\ndef test_x(sock): pass', "test_x has no @variants"),
        (
            '@clause("demo.{famly}")\n@variants(families=["inet"])\ndef test_x(sock): pass',
            "a place holder that no variant fills",
        ),
        (
            TWICE,
            "two tests make the row 'demo.a/inet-stream-blocking-syscall': give one of them a case=",
        ),
    ],
)
def test_wrong_marks(project: Project, source: str, said: str) -> None:
    project.write("test_x.py", f"from fixtures import *\n{source}\n")
    ran = project.run()
    assert ran.status == 2
    assert not ran.rows
    assert said in ran.output


def test_every_sentence_of_the_page_of_1998_is_served() -> None:
    suite = load_suite(ROOT / "suites" / "connect")
    sentences = suite.documents["connect.2@redhat-5.2"].sentences
    assert [sentence.id for sentence in sentences] == [f"S{number:02}" for number in range(1, 40)]
    for sentence in sentences:
        assert sentence.clauses


def test_no_clause_of_the_first_catalogue_is_dropped_in_silence() -> None:
    brought = tomllib.loads((ROOT / "tests" / "catalogue-ids.toml").read_text(encoding="utf-8"))
    suite = load_suite(ROOT / "suites" / "connect")
    explained = {*brought["pending"], *brought["gone"]}
    missing = [id_ for id_ in brought["ids"] if id_ not in suite.clauses and id_ not in explained]
    assert not missing, f"clauses that are gone without a word: {', '.join(missing)}"
    assert not [id_ for id_ in explained if id_ in suite.clauses or id_ not in brought["ids"]]
    assert all(reason.strip() for reason in brought["gone"].values())
