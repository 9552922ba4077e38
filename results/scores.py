"""From rows to what people ask first: whether the kernel conforms to a clause, a sentence, a document."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from results.reader import Results
from results.records import CONFORMS, DEVIATES, HARNESS_ERROR, NOT_EXERCISED, Clause, Document, Row, Sentence

NOT_SELECTED = "no row of it was selected for this run"

# From the gravest to the mildest: the verdict on many rows is the gravest that any of them has, but what could not
# be exercised in one variant takes nothing from what others showed.
_GRAVITY = (HARNESS_ERROR, DEVIATES, CONFORMS, NOT_EXERCISED)


def verdict_of(rows: Iterable[Row]) -> str:
    """The verdict on several rows together; not-exercised where there are none."""
    seen = {row.verdict for row in rows}
    return next((verdict for verdict in _GRAVITY if verdict in seen), NOT_EXERCISED)


@dataclass
class ClauseScore:
    """A clause with its rows."""

    clause: Clause
    rows: list[Row]

    @property
    def verdict(self) -> str:
        """The verdict on all rows together."""
        return verdict_of(self.rows)

    @property
    def unexpected(self) -> bool:
        """Whether any row is news."""
        return any(row.unexpected for row in self.rows)

    @property
    def reason(self) -> str:
        """Why the clause was not exercised; empty where it was."""
        if self.verdict != NOT_EXERCISED:
            return ""
        if self.clause.untestable:
            return self.clause.untestable
        reasons = dict.fromkeys(row.reason or "" for row in self.rows)
        return "; ".join(reasons) or NOT_SELECTED


@dataclass
class SentenceScore:
    """A sentence of a document with the clauses that try it."""

    sentence: Sentence
    clauses: list[ClauseScore]

    @property
    def verdict(self) -> str:
        """The verdict on all its clauses together."""
        return verdict_of(row for clause in self.clauses for row in clause.rows)

    @property
    def unexpected(self) -> bool:
        """Whether any row is news."""
        return any(clause.unexpected for clause in self.clauses)

    @property
    def reason(self) -> str:
        """Why the sentence was not exercised; empty where it was."""
        if self.verdict != NOT_EXERCISED:
            return ""
        return "; ".join(dict.fromkeys(clause.reason for clause in self.clauses))


@dataclass
class DocumentScore:
    """A document with its clauses, and its sentences where the catalogue lists them."""

    document: Document
    clauses: list[ClauseScore]
    sentences: list[SentenceScore] = field(default_factory=list)

    @property
    def statements(self) -> list[ClauseScore] | list[SentenceScore]:
        """What the document says, piece by piece: its sentences where they are known, else its clauses."""
        return self.sentences or self.clauses

    @property
    def rows(self) -> int:
        """How many rows try this document."""
        return sum(len(clause.rows) for clause in self.clauses)

    @property
    def conforming(self) -> int:
        """Statements that conform and about which nothing is news."""
        return self._count(CONFORMS, unexpected=False)

    @property
    def expected(self) -> int:
        """Statements that deviate, as written down."""
        return self._count(DEVIATES, unexpected=False)

    @property
    def unexpected(self) -> int:
        """Statements with a row that deviates unexpectedly or conforms against what is written down."""
        return sum(score.unexpected and score.verdict != HARNESS_ERROR for score in self.statements)

    @property
    def not_exercised(self) -> int:
        """Statements that were not tried at all."""
        return sum(score.verdict == NOT_EXERCISED for score in self.statements)

    @property
    def harness_errors(self) -> int:
        """Statements with a row that could not be judged."""
        return sum(score.verdict == HARNESS_ERROR for score in self.statements)

    @property
    def conforms(self) -> bool:
        """Whether every clause that was tried conforms, and at least one was."""
        return self.conforming > 0 and not (self.expected or self.unexpected or self.harness_errors)

    def _count(self, verdict: str, *, unexpected: bool) -> int:
        return sum(score.verdict == verdict and score.unexpected == unexpected for score in self.statements)


def score_clauses(results: Results) -> dict[str, ClauseScore]:
    """Every clause of the catalogue with its rows, in the catalogue's order."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in results.rows:
        rows[row.clause].append(row)
    return {
        id_: ClauseScore(clause, sorted(rows.get(id_, []), key=lambda row: row.id))
        for id_, clause in results.clauses.items()
    }


def score_documents(results: Results) -> list[DocumentScore]:
    """Every document with its clauses and sentences: what is known by sentence first, the kernel itself last."""
    clauses = score_clauses(results)
    scores = []
    for document in results.documents:
        mine = [score for score in clauses.values() if document.id in score.clause.documents]
        sentences = [
            SentenceScore(sentence, [clauses[name] for name in sentence.clauses]) for sentence in document.sentences
        ]
        scores.append(DocumentScore(document, mine, sentences))
    return sorted(scores, key=lambda score: (not score.sentences, score.document.id == "kernel", -len(score.clauses)))


def reasons_not_exercised(results: Results) -> list[tuple[str, list[str]]]:
    """What was not exercised, by reason: ids of whole clauses, and of single rows where others of the clause ran."""
    reasons: dict[str, list[str]] = {}
    for id_, score in score_clauses(results).items():
        if score.verdict == NOT_EXERCISED:
            reasons.setdefault(score.reason, []).append(id_)
            continue
        for row in score.rows:
            if row.verdict == NOT_EXERCISED:
                reasons.setdefault(row.reason or "", []).append(row.id)
    return sorted(reasons.items())
