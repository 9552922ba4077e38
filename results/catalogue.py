"""The catalogue of a suite: its documents with their sentences, and its clauses; read from TOML and checked.

A suite is a folder with a ``suite.toml``, ``documents/*.toml`` (one document a file) and ``clauses/*.toml``. What is
wrong in them is said with the file and the place, before any test runs.
"""

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from results.printable import one_line
from results.records import Clause, Document, Sentence, SuiteRecord, document_of


class CatalogueError(Exception):
    """A catalogue file is wrong; the message names the file, the place and the mend."""

    def __init__(self, message: str) -> None:
        # It quotes a file that may be a stranger's.
        super().__init__(one_line(message))


@dataclass(frozen=True)
class Suite:
    """The catalogue of one suite. ``calls`` are the calls under test: a row without any of them has tried nothing."""

    name: str
    title: str
    calls: tuple[str, ...]
    folder: Path
    documents: dict[str, Document] = field(default_factory=dict)
    clauses: dict[str, Clause] = field(default_factory=dict)

    def record(self) -> SuiteRecord:
        """The catalogue as the run's record keeps it."""
        return SuiteRecord(
            name=self.name,
            title=self.title,
            calls=list(self.calls),
            documents=list(self.documents.values()),
            clauses=list(self.clauses.values()),
        )


def find_suites(root: Path) -> list[Path]:
    """The folders below ``root`` that are suites."""
    return sorted(path.parent for path in root.glob("*/suite.toml"))


def load_suites(root: Path) -> list[Suite]:
    """Read and check the catalogues of all suites below ``root``, each alone and beside the others.

    Suites may have documents in common; each names those that it needs.

    Raises:
        CatalogueError: when anything in them is wrong.
    """
    suites = [load_suite(folder) for folder in find_suites(root)]
    clauses: dict[str, Suite] = {}
    documents: dict[str, tuple[Suite, Document]] = {}
    for suite in suites:
        for name in suite.clauses:
            if clauses.setdefault(name, suite) is not suite:
                raise CatalogueError(f"{suite.folder}: the clause '{name}' stands in {clauses[name].folder} already")
        for document in suite.documents.values():
            other, first = documents.setdefault(document.id, (suite, document))
            if first.title != document.title:
                raise CatalogueError(
                    f"{suite.folder}: the document '{document.id}' is called '{first.title}' in {other.folder}: "
                    "give it the same title, or another id"
                )
    return suites


def merged(documents: Iterable[Document]) -> list[Document]:
    """Documents of several suites, each once, with the sentences of all."""
    found: dict[str, Document] = {}
    for each in documents:
        known = found.setdefault(each.id, each)
        if known is not each:
            found[each.id] = replace(known, sentences=known.sentences + each.sentences)
    return list(found.values())


def load_suite(folder: Path) -> Suite:
    """Read and check the catalogue of a suite.

    Raises:
        CatalogueError: when anything in it is wrong.
    """
    path = folder / "suite.toml"
    head = Table(read_toml(path), str(path)).only({"name", "title", "calls"})
    documents: dict[str, Document] = {}
    for file in sorted((folder / "documents").glob("*.toml")):
        document = _document(file)
        if document.id in documents:
            raise CatalogueError(f"{file}: the document '{document.id}' is described in another file already")
        documents[document.id] = document
    clauses: dict[str, Clause] = {}
    for file in sorted(folder.rglob("clauses/*.toml")):
        for clause in _clauses(file):
            if clause.id in clauses:
                raise CatalogueError(f"{file}: the clause '{clause.id}' stands twice in the catalogue")
            _check_sources(clause, documents, file)
            clauses[clause.id] = clause
    if not clauses:
        raise CatalogueError(f"{folder / 'clauses'}: there are no clauses; a suite needs at least one file of them")
    _check_sentences(documents, clauses)
    return Suite(head.text("name"), head.text("title"), head.texts("calls"), folder, documents, clauses)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        CatalogueError: when it can't be read or is no TOML, with line and column.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{path}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: is not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{path}: is not valid TOML: {error}") from error


class Table:
    """A TOML table with its place, so that whatever is wrong in it can be named."""

    def __init__(self, data: Any, place: str) -> None:
        if not isinstance(data, dict):
            raise CatalogueError(f"{place}: a table is wanted here")
        self.data = data
        self.place = place

    def only(self, known: set[str]) -> "Table":
        """See that there are no keys but the known ones."""
        for key in self.data:
            if key not in known:
                raise CatalogueError(f"{self.place}: unknown key '{key}'; known are {', '.join(sorted(known))}")
        return self

    def text(self, key: str, default: str | None = None) -> str:
        """A text; it has to be there and say something where there is no default."""
        value = self.data.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise CatalogueError(f"{self.place}: '{key}' has to be a text that is not empty")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts with at least one."""
        value = self.data.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise CatalogueError(f"{self.place}: '{key}' has to be a list of texts that is not empty")
        return tuple(value)

    def tables(self, key: str) -> "Iterator[Table]":
        """An array of tables, each with its place."""
        value = self.data.get(key, [])
        if not isinstance(value, list):
            raise CatalogueError(f"{self.place}: '{key}' has to be written as [[{key}]]")
        for number, each in enumerate(value, start=1):
            name = each.get("id", f"number {number}") if isinstance(each, dict) else f"number {number}"
            yield Table(each, f"{self.place}: {key} '{name}'")


def _document(path: Path) -> Document:
    whole = Table(read_toml(path), str(path)).only({"document", "sentence"})
    head = Table(whole.data.get("document"), f"{path}: [document]").only({"id", "title"})
    sentences = []
    for table in whole.tables("sentence"):
        table.only({"id", "gist", "clauses"})
        sentences.append(Sentence(table.text("id"), table.text("gist"), table.texts("clauses")))
    ids = [sentence.id for sentence in sentences]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise CatalogueError(f"{path}: the sentence '{id_}' stands twice")
    return Document(head.text("id"), head.text("title"), tuple(sentences))


def _clauses(path: Path) -> Iterator[Clause]:
    whole = Table(read_toml(path), str(path)).only({"clause"})
    for table in whole.tables("clause"):
        table.only({"id", "title", "statement", "expected", "sources", "untestable", "disagreement"})
        sources = table.texts("sources")
        try:
            for source in sources:
                document_of(source)
        except ValueError as error:
            raise CatalogueError(f"{table.place}: {error}") from error
        yield Clause(
            table.text("id"),
            table.text("title"),
            table.text("statement"),
            table.text("expected"),
            sources,
            table.text("untestable", ""),
            table.text("disagreement", ""),
        )


def _check_sources(clause: Clause, documents: dict[str, Document], path: Path) -> None:
    for name in clause.documents:
        if name not in documents:
            raise CatalogueError(
                f"{path}: clause '{clause.id}' names the document '{name}', which no file in documents/ describes"
            )


def _check_sentences(documents: dict[str, Document], clauses: dict[str, Clause]) -> None:
    for document in documents.values():
        for sentence in document.sentences:
            for name in sentence.clauses:
                where = f"document '{document.id}', sentence '{sentence.id}'"
                if name not in clauses:
                    raise CatalogueError(f"{where}: there is no clause '{name}'")
                if document.id not in clauses[name].documents:
                    raise CatalogueError(f"{where}: clause '{name}' does not name this document as a source of its own")
