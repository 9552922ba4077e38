"""The ends of runs: whether a run is whole, whether its end can be true, and what several ends come to together."""

from collections.abc import Mapping, Sequence

from results.records import VERDICTS, End

_INTERRUPTED, _NO_TESTS = 2, 5  # Exit statuses of pytest.


def incompleteness(end: End | None, reported: int) -> str:
    """Why so many rows are not those of a whole run, given its end, where it had one; empty where they are."""
    if end is None:
        return f"the run was cut off: {reported} rows had ended, and nobody counted how many there should be"
    if end.collected != reported:
        return f"{end.collected} rows were collected and {reported} are reported"
    if end.unreached:
        return f"the run ended before it came to {end.unreached} of its {reported} rows"
    return "the run was interrupted" if end.exit_status == _INTERRUPTED else ""


def check_end(end: End, counts: Mapping[str, int]) -> None:
    """Check that the end of a run says of its rows what they say themselves; where some are missing nobody knows.

    Args:
        end: the end.
        counts: how many rows there are of each verdict, and how many are ``unexpected``.

    Raises:
        ValueError: when it does not.
    """
    if end.reported != sum(counts.get(verdict, 0) for verdict in VERDICTS):
        return
    for what, said in {**end.verdicts, "unexpected": end.unexpected}.items():
        if said != counts.get(what, 0):
            raise ValueError(f"the end counts {said} rows that are '{what}', and there are {counts.get(what, 0)}")
    if end.unexpected and end.exit_status == 0:
        raise ValueError(f"the end says that the run passed, and {end.unexpected} rows are unexpected")


def sum_of_ends(ends: Sequence[End]) -> End:
    """One end for runs that ran beside each other, at least one: counts are added up, the longest time counts."""
    names = dict.fromkeys(name for end in ends for name in end.verdicts)
    return End(
        collected=sum(end.collected for end in ends),
        reported=sum(end.reported for end in ends),
        verdicts={name: sum(end.verdicts.get(name, 0) for end in ends) for name in names},
        unexpected=sum(end.unexpected for end in ends),
        seconds=max(end.seconds for end in ends),
        exit_status=exit_status_of([end.exit_status for end in ends]),
        unreached=sum(end.unreached for end in ends),
    )


def exit_status_of(statuses: Sequence[int]) -> int:
    """The exit status of several runs of pytest: that one had no row says something only where none has any."""
    return max([status for status in statuses if status != _NO_TESTS] or [_NO_TESTS])
