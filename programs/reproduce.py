"""From results to the C program of one of their rows."""

from programs.program import program
from programs.words import NotExpressible
from results.reader import Results


def reproduce(several: list[Results], row_id: str) -> str:
    """The C program of a row, from the first run that has it.

    Raises:
        LookupError: when the results have no such row.
        NotExpressible: when the row can't be written as a program (yet), with the reason.
    """
    found = ((results, row) for results in several for row in results.rows if row.id == row_id)
    results, row = next(found, (None, None))
    if results is None or row is None:
        raise LookupError(f"there is no row '{row_id}' in these results")
    try:
        return program(row, results.run, results.clauses.get(row.clause))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise NotExpressible(f"its record is not well formed: {type(error).__name__}: {error}") from error
