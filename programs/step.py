"""A call of a program that reproduces a row: the lines of C that are made for it."""

from dataclasses import dataclass, field

from results.records import Call


@dataclass
class Step:
    """A call as C: the lines that make ready, its arguments, and the lines that compare.

    ``again`` makes the call until a state is reached, where the row did so.
    """

    number: int
    call: Call
    ready: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    compare: list[str] = field(default_factory=list)
    function: str = ""
    again: str = ""

    @property
    def end(self) -> float | None:
        """When it had returned, in seconds since the row began; None if it never did."""
        seconds = self.call.seconds
        return None if seconds is None else self.call.start + seconds

    @property
    def hangs(self) -> bool:
        """Whether the row saw that it does not return in time."""
        return self.end is None or str(self.call.gave or "").startswith("not returned within")
