"""Looking again and again for what the kernel announces to nobody."""

import time
from collections.abc import Callable


def comes_true(condition: Callable[[], bool], within: float, *, soonest: float, latest: float) -> bool:
    """Look until a condition holds, the less often the longer it takes; gives whether it came to hold in time.

    Args:
        condition: a look at the kernel's state, without effects.
        within: seconds after which nobody looks any more.
        soonest: seconds between the first two looks.
        latest: the most seconds between two looks; in between it is a tenth of what was waited.
    """
    start = time.monotonic()
    while not condition():
        waited = time.monotonic() - start
        if waited > within:
            return False
        time.sleep(min(max(soonest, waited / 10), latest))
    return True
