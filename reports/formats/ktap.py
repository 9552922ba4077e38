"""``python -m reports ktap``: the results as KTAP, version 1, nested: suites, clauses, rows.

The line of a row begins ``ok`` unless the row fails the run: a deviation that is expected is ``# XFAIL``, what was not
exercised is ``# SKIP``, and what could not be judged is ``not ok ... # ERROR``. A row's name is its id.

Readers of KTAP look for some words wherever they stand; what comes from a results file is rid of them.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from reports.commandline import Commands, declare, wants_output, wants_results, write
from reports.text import privilege
from results.printable import one_line
from results.reader import Results, read_many
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Row
from results.scores import ClauseScore, score_clauses

_EXAMPLES = """reports/out
reports/out -o results.ktap"""
_LONGEST = 500  # Characters of a reason or a diagnostic line.


def add_command(commands: Commands) -> None:
    """Declare ``python -m reports ktap``."""
    parser = declare(commands, "ktap", "write the results as KTAP, version 1, nested", _EXAMPLES, _run)
    wants_results(parser, many=True)
    wants_output(parser)


def _run(chosen: argparse.Namespace) -> int:
    write(ktap(read_many(chosen.results, light=True)), chosen.output)
    return 0


@dataclass
class _Test:
    """A test of KTAP: a line of result, and what stands before it: tests of its own, or remarks."""

    name: str
    passed: bool
    directive: str = ""
    remarks: list[str] = field(default_factory=list)
    tests: list["_Test"] = field(default_factory=list)


def ktap(several: list[Results]) -> str:
    """The results as KTAP; where there are several runs, each is a test that holds its suites."""
    if len(several) == 1:
        whole = _run_test(several[0])
    else:
        whole = _Test("", passed=True, tests=[_run_test(results) for results in several])
    return "\n".join(_lines(whole)) + "\n"


def _lines(whole: _Test) -> Iterator[str]:
    yield from _header(whole, "")
    yield from _totals(whole)


def _header(test: _Test, indent: str) -> Iterator[str]:
    """A version line, a plan, and each test with all that belongs to it."""
    yield f"{indent}KTAP version 1"
    yield f"{indent}1..{len(test.tests)}"
    if not indent:
        yield from (f"# {_text(remark)}" for remark in test.remarks)
    taken: Counter[str] = Counter()
    for number, each in enumerate(test.tests, start=1):
        if each.tests:
            yield from _header(each, indent + "  ")
        yield from (f"{indent}# {_text(remark)}" for remark in each.remarks)
        name = _name(each.name)
        taken[name] += 1
        if taken[name] > 1:
            name = f"{name}.{taken[name]}"
        directive = f" # {_text(each.directive)}" if each.directive else ""
        yield f"{indent}{'ok' if each.passed else 'not ok'} {number} {name}{directive}"


def _run_test(results: Results) -> _Test:
    kernel = results.run.kernel
    facts = f"kernel {kernel.name} {kernel.release} {kernel.machine}, {privilege(results)}"
    scores = score_clauses(results)
    suites = []
    for suite in results.run.suites:
        mine = [scores[each.id] for each in suite.clauses]
        tests = [_clause(score) for score in mine if score.rows or score.clause.untestable]
        if tests:
            suites.append(_parent(suite.name, tests))
    if results.incomplete:
        suites.append(_Test("complete", passed=False, directive=f"ERROR {results.incomplete}"))
    whole = _parent(results.label, suites)
    whole.remarks = [facts]
    return whole


def _clause(score: ClauseScore) -> _Test:
    if not score.rows:
        return _Test(score.clause.id, passed=True, directive=f"SKIP {score.clause.untestable}")
    return _parent(score.clause.id, [_row(row) for row in score.rows])


def _parent(name: str, tests: list[_Test]) -> _Test:
    """A test that holds others: it passes when each of them does, and is skipped when each of them is."""
    skipped = bool(tests) and all(test.directive.startswith("SKIP") for test in tests)
    directive = "SKIP nothing in it was exercised" if skipped else ""
    return _Test(name, passed=all(test.passed for test in tests), directive=directive, tests=tests)


def _row(row: Row) -> _Test:
    test = _Test(row.id, passed=not row.unexpected)
    if row.verdict == NOT_EXERCISED:
        test.directive = f"SKIP {row.reason}"
    elif row.verdict == HARNESS_ERROR:
        test.directive = f"ERROR {row.reason}"
    elif row.verdict == CONFORMS and row.unexpected:
        test.remarks = ["conforms, although a deviation is written down:", row.known_reason]
    elif row.verdict == DEVIATES:
        test.remarks = [f"allowed {row.expected}", f"observed {row.observed}"]
        if not row.unexpected:
            test.directive = f"XFAIL {row.known_reason}"
    if row.unexpected:
        test.remarks.append(f"run it alone: {row.rerun}")
    return test


def _totals(whole: _Test) -> Iterator[str]:
    """The numbers of rows and clauses without rows, as the kernel's own selftests put them."""
    found: Counter[str] = Counter()
    for test in _leaves(whole):
        word = test.directive.partition(" ")[0].lower()
        found[word or ("pass" if test.passed else "fail")] += 1
    order = ("pass", "fail", "xfail", "xpass", "skip", "error")
    yield f"# Totals: {' '.join(f'{word}:{found[word]}' for word in order)}"


def _leaves(test: _Test) -> Iterator[_Test]:
    for each in test.tests:
        yield from _leaves(each) if each.tests else [each]


def _name(text: str) -> str:
    """A name of a test: nothing in it that any reader could take for something else."""
    return re.sub(r"[^A-Za-z0-9_./~-]+", "_", text).strip("_") or "unnamed"


def _text(text: str) -> str:
    """A reason or a remark: one line of ASCII without a hash, and without the words that readers look for."""
    text = one_line(text, _LONGEST).encode("ascii", "backslashreplace").decode("ascii").replace("#", "_")
    return re.sub(r"\b(FAIL|SKIP|XFAIL|TODO|ERROR|TIMEOUT|PASS)(?=[\]:])", lambda found: found[0].lower(), text)
