"""What must hold of a record before anything else may trust it: keys that are there, and of which type.

The renderers rely on this, so that a results file of a stranger gives a report or one line of complaint. Keys that are
not named here are let through: a later kconform may have more to say. ``results.schema.json`` is the strict form, for
whoever writes such files; a test holds the two together.
"""

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0)]


class Feature(TypedDict):
    """Whether something is there on this kernel."""

    available: bool
    how: str
    reason: str


class Kernel(TypedDict):
    """The kernel under test."""

    name: str
    release: str
    version: str
    machine: str
    config: dict[str, str]
    sysctls: dict[str, str]


class System(TypedDict):
    """The machine around it."""

    distribution: str
    libc: str
    python: str
    cpus: int | None
    host: str


class Privilege(TypedDict):
    """The rights of the run."""

    uid: int
    kind: str


class Version(TypedDict):
    """Which kconform."""

    version: str
    commit: str | None


class Sentence(TypedDict):
    """A sentence of a document."""

    id: str
    gist: str
    clauses: list[str]


class Document(TypedDict):
    """A document."""

    id: str
    title: str
    sentences: list[Sentence]


class Clause(TypedDict):
    """A clause."""

    id: str
    title: str
    statement: str
    expected: str
    sources: Annotated[list[str], Meta(min_length=1)]
    untestable: str
    disagreement: str


class Suite(TypedDict):
    """A suite's catalogue."""

    name: str
    title: str
    calls: list[str]
    documents: list[Document]
    clauses: list[Clause]


class Run(TypedDict):
    """The first record: the facts of a run."""

    schema: int
    started: str
    kernel: Kernel
    system: System
    privilege: Privilege
    features: dict[str, Feature]
    entries: dict[str, Feature]
    kconform: Version
    command: list[str]
    suites: list[Suite]
    label: NotRequired[str]


class Variant(TypedDict):
    """How a clause was tried."""

    family: str
    type: str
    mode: str
    entry: str
    case: str


class Expectation(TypedDict):
    """What was written down of a row, and how it compares."""

    state: Literal["met", "other", "stale"]
    rows: str
    observed: str
    reason: str
    document: str


class Call(TypedDict):
    """A call of a transcript."""

    call: str
    arguments: list[str]
    returned: int | None
    error: str | None
    gave: str | None
    start: Seconds
    seconds: Seconds | None
    thread: str
    asked: str | None
    met: bool | None
    text: str
    raw: NotRequired[str | None]


class Host(TypedDict):
    """A host of a topology."""

    name: str
    addresses: list[str]


class Topology(TypedDict):
    """The private network in which a row stood."""

    name: str
    hosts: list[Host]


class Evidence(TypedDict):
    """A file that lies beside the results; never outside of ``evidence/``."""

    kind: str
    path: Annotated[str, Meta(pattern=r"^evidence/(?!\.{1,2}/)[^/\x00-\x1f]+/(?!\.{1,2}\Z)[^/\x00-\x1f]+\Z")]
    note: NotRequired[str]


class Change(TypedDict):
    """Something that a row did beside its calls."""

    at: Seconds
    host: str | None
    how: str
    what: list[object]


class Row(TypedDict):
    """A row."""

    id: Annotated[str, Meta(min_length=1)]
    clause: str
    variant: Variant
    test: str
    verdict: Literal["conforms", "deviates", "not-exercised", "harness-error"]
    unexpected: bool
    expected: str | None
    observed: str | None
    expectation: Expectation | None
    reason: str | None
    seconds: Seconds
    topology: Topology | None
    transcript: list[Call]
    detail: str | None
    rerun: str
    run: NotRequired[str]
    evidence: NotRequired[list[Evidence]]
    changes: NotRequired[list[Change]]
    beside: NotRequired[list[str]]
    folder: NotRequired[str]


class End(TypedDict):
    """The last record: how many rows there were."""

    collected: Count
    reported: Count
    verdicts: dict[str, Count]
    unexpected: Count
    seconds: Seconds
    exit_status: int
    run: NotRequired[str]
    unreached: NotRequired[Count]
