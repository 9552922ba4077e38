"""The records of results.jsonl: a line for the run, for each row as soon as it ends, for the end, and for the carrier.

The structs here are the one definition: the writer encodes them, the reader decodes into them, and the JSON Schema is
made of them (``results.schema``). Keys that always stand in a record have no default; a key with a default is left out
where it says nothing. ``results.codec`` turns records into lines and back.
"""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from results.ids import Variant

SCHEMA_VERSION: Literal[2] = 2

CONFORMS: Literal["conforms"] = "conforms"
DEVIATES: Literal["deviates"] = "deviates"
NOT_EXERCISED: Literal["not-exercised"] = "not-exercised"
HARNESS_ERROR: Literal["harness-error"] = "harness-error"
VERDICTS = (CONFORMS, DEVIATES, NOT_EXERCISED, HARNESS_ERROR)
# Why a row was not exercised that a run was to try, and never came to.
NEVER_REACHED = "the run ended before it came to this row"

Verdict = Literal["conforms", "deviates", "not-exercised", "harness-error"]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]
# Patterns end in (?![\s\S]), which means the end of the text to Python and to JSON Schema alike.
SourceText = Annotated[
    str,
    Meta(pattern=r"^(?! \[)[\s\S]+ \[[\s\S]*\](?![\s\S])", description="DOCUMENT [PLACE]: where the clause stands."),
]
EvidencePath = Annotated[
    str,
    Meta(
        pattern=r"^evidence/(?!\.{1,2}/)[^/\x00-\x1f]+/(?!\.{1,2}(?![\s\S]))[^/\x00-\x1f]+(?![\s\S])",
        description="Relative to the folder of this file, which it never leaves.",
    ),
]


class Kernel(Struct, omit_defaults=True, kw_only=True):
    """The kernel under test: what uname says, its configuration, and its sysctls in a fresh network namespace."""

    name: str
    release: str
    version: str
    machine: str
    config: dict[str, str]
    sysctls: dict[str, str]
    implementation: Annotated[str, Meta(description="Who wrote it: Linux, gVisor.")] = ""
    security: Annotated[list[str], Meta(description="Its security modules.")] = []


class System(Struct, kw_only=True):
    """The machine around the kernel."""

    distribution: str
    libc: str
    python: str
    cpus: int | None
    host: str


class Privilege(Struct, kw_only=True):
    """The rights of the run."""

    uid: Annotated[int, Meta(description="The effective user id at the start.")]
    kind: Annotated[str, Meta(extra_json_schema={"enum": ["root", "user-namespace"]})]


class Feature(Struct, kw_only=True):
    """Whether something is there on this kernel."""

    available: bool
    how: Annotated[str, Meta(description="What was tried to find out.")]
    reason: Annotated[str, Meta(description="Why it is not there; empty where it is.")]


class Version(Struct, kw_only=True):
    """Which kconform: its version, and the git commit; null where git can't tell."""

    version: str
    commit: str | None


class Sentence(Struct, frozen=True):
    """One statement of a document, in our own words, with the ids of the clauses that try it."""

    id: str
    gist: str
    clauses: tuple[str, ...]


class Document(Struct, frozen=True):
    """A text that says how the system call behaves."""

    id: str
    title: str
    sentences: tuple[Sentence, ...]


class Clause(Struct, frozen=True):
    """One testable statement of one or more documents that agree.

    ``untestable`` is the reason why no test can exist; it is empty for every clause that has tests.
    """

    id: str
    title: str
    statement: str
    expected: str
    sources: Annotated[tuple[SourceText, ...], Meta(min_length=1)]
    untestable: str
    disagreement: str

    @property
    def documents(self) -> tuple[str, ...]:
        """The ids of the documents that state it, each once."""
        return tuple(dict.fromkeys(document_of(source) for source in self.sources))


def document_of(source: str) -> str:
    """The document's id in a source, which is written ``DOCUMENT [PLACE]``.

    Raises:
        ValueError: when the text has another shape.
    """
    document, bracket, rest = source.partition(" [")
    if not bracket or not rest.endswith("]") or not document:
        raise ValueError(f"'{source}' is not of the form 'DOCUMENT [PLACE]'")
    return document


class SuiteRecord(Struct, kw_only=True):
    """The catalogue of one suite."""

    name: str
    title: str
    calls: Annotated[
        list[str], Meta(description="The calls under test: a row without any of them has tried nothing.", min_length=1)
    ]
    documents: list[Document]
    clauses: list[Clause]


class Run(Struct, tag_field="record", tag="run", omit_defaults=True, kw_only=True):
    """The facts of a run: which kernel, on what machine, with what rights, from which version of kconform."""

    schema: Literal[2]
    started: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    kernel: Kernel
    system: System
    privilege: Privilege
    features: dict[str, Feature]
    entries: Annotated[dict[str, Feature], Meta(description="The entry points, by name.")]
    kconform: Version
    command: list[str]
    suites: list[SuiteRecord]
    label: Annotated[str | None, Meta(description="The name of the run, in a file with several.")] = None


class Call(Struct, omit_defaults=True):
    """One system call: what was passed, what came back, when, on which thread, and what the test asked of it.

    ``start`` is in seconds since the row began, ``seconds`` is the call's duration. ``returned``, ``error`` and
    ``seconds`` are missing where the call has not returned.
    """

    call: str
    arguments: list[str]
    start: Seconds
    thread: str
    returned: int | None = None
    error: Annotated[str | None, Meta(description="The errno by name, beside a returned -1.")] = None
    gave: Annotated[str | None, Meta(description="What the call gave back, in words.")] = None
    seconds: Seconds | None = None
    asked: Annotated[str | None, Meta(description="What the test compared the outcome with.")] = None
    met: Annotated[bool | None, Meta(description="Whether the outcome was equal to that.")] = None
    replay: Annotated[
        str | None,
        Meta(description="The call in the words of fixtures/syscalls/replay_args.py, which programs in C are made of."),
    ] = None
    entry: Annotated[str, Meta(description="The entry point that it went through.")] = "syscall"
    made_by: Literal["test", "fixture", "peer"] = "test"
    context: Annotated[str | None, Meta(description="What the thread was for the call.")] = None

    def text(self) -> str:
        """The call as strace would write it, with what it gave back beside it."""
        call = f"{self.call}({', '.join(self.arguments)})"
        if self.returned is None:
            return f"{call} = ? <did not return>{self._how()}"
        error = f" {self.error}" if self.error else ""
        gave = f" [{self.gave}]" if self.gave is not None else ""
        return f"{call} = {self.returned}{error}{gave}{self._how()}"

    def _how(self) -> str:
        """How the call was made, where that is not the usual way."""
        by = f"by {self.entry}" if self.entry != "syscall" else None
        words = ", ".join(filter(None, (by, self.context)))
        return f"   ({words})" if words else ""


class Host(Struct):
    """A host of a topology."""

    name: str
    addresses: list[str]


class Topology(Struct):
    """The private network in which a row stood."""

    name: str
    hosts: list[Host]


class Evidence(Struct, omit_defaults=True):
    """A file beside the results."""

    kind: Annotated[str, Meta(extra_json_schema={"enum": ["packets", "sockets", "network", "kernel-log"]})]
    path: EvidencePath
    note: str = ""


class Change(Struct):
    """What a row did beside its calls: to its network, and by signals."""

    at: Annotated[float, Meta(ge=0, description="Seconds since the row began.")]
    host: Annotated[str | None, Meta(description="The host of the topology that it was done to.")]
    how: Annotated[str, Meta(extra_json_schema={"enum": ["sysctl", "netlink", "nftables", "handler", "signal"]})]
    what: list[Any]


class Expectation(Struct, frozen=True):
    """What is written down of a row, and how the row compares with it."""

    state: Literal["met", "other", "stale"]
    rows: str
    observed: str
    reason: str
    document: str


class RowHead(Struct, omit_defaults=True, kw_only=True):
    """What every reader wants of a row: which it is, its verdict, and how that compares with what is expected.

    ``expected`` and ``observed`` are the two sides of the comparison that decided, in words. ``reason`` says why a row
    was not exercised, or what went wrong in the harness.
    """

    id: Annotated[str, Meta(min_length=1)]
    clause: str
    variant: Variant
    test: Annotated[str, Meta(description="The test's node id.")]
    verdict: Verdict
    unexpected: Annotated[bool, Meta(description="Whether the row fails the run.")]
    expected: Annotated[str | None, Meta(description="What the clause allows where the row was decided.")]
    observed: Annotated[str | None, Meta(description="What was seen there.")]
    expectation: Expectation | None
    reason: Annotated[str | None, Meta(description="Why it was not exercised, or could not be judged.")]
    seconds: Seconds
    detail: Annotated[str | None, Meta(description="What the terminal said of the row.")]
    rerun: Annotated[str, Meta(description="The command that runs this row alone.")]
    evidence: list[Evidence] = []
    run: Annotated[str | None, Meta(description="The label of the row's run, in a file with several.")] = None

    @property
    def state(self) -> str:
        """How the row compares with what is written down: ``none`` where nothing is, else the expectation's state."""
        return "none" if self.expectation is None else self.expectation.state

    @property
    def known_reason(self) -> str:
        """The reason that is written down for the row; empty where there is none."""
        return "" if self.expectation is None else self.expectation.reason


class Row(RowHead, tag_field="record", tag="row", omit_defaults=True, kw_only=True):
    """A row: a clause in a variant, its verdict, and all that happened."""

    topology: Topology | None
    transcript: list[Call]
    changes: Annotated[list[Change], Meta(description="What it did beside its calls, in order.")] = []
    folder: Annotated[str | None, Meta(description="Where its files lay.")] = None
    unrecorded: Annotated[
        list[str], Meta(description="What its test does that neither the transcript nor the changes have.")
    ] = []

    def light(self) -> "Row":
        """The row without what is large; what the terminal said of a row that failed the run is kept."""
        detail = self.detail if self.unexpected else None
        return replace(self, transcript=[], topology=None, changes=[], folder=None, unrecorded=[], detail=detail)


class End(Struct, tag_field="record", tag="end", omit_defaults=True, kw_only=True):
    """The end of a run: how many rows were collected and reported, and with which verdicts."""

    collected: Count
    reported: Count
    verdicts: Annotated[dict[str, Count], Meta(extra_json_schema={"propertyNames": {"enum": list(VERDICTS)}})]
    unexpected: Count
    seconds: Seconds
    exit_status: int
    run: Annotated[str | None, Meta(description="The label of the run that ends, in a file with several.")] = None
    unreached: Annotated[Count, Meta(description="Rows that the run ended before it came to.")] = 0


class Carrier(Struct, tag_field="record", tag="carrier", omit_defaults=True, kw_only=True):
    """What had the kernel run, and what it took: known only behind the end, and so a record of its own.

    The numbers are missing where who started the kernel was killed before its end.
    """

    name: str
    what: str
    start_up: Annotated[Seconds | None, Meta(description="Seconds until the suites began.")] = None
    seconds: Annotated[Seconds | None, Meta(description="Seconds in all, start and end of the kernel included.")] = None
    deaths: Annotated[Count | None, Meta(description="How often the kernel died.")] = None
    run: Annotated[str | None, Meta(description="The label of the run, in a file with several.")] = None


Record = Run | Row | End | Carrier
