"""What a run needs of the limits that it was started under (ulimit): said at once, not by a failure in its midst."""

import resource

_SPACE = 512 << 20  # Bytes: the controller and a worker have taken 280 MiB at most, nearly all of it for their threads.


def what_is_short() -> str:
    """Why a run can't be begun under these limits, in one sentence; empty where it can."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_AS)
    if allowed == resource.RLIM_INFINITY or allowed >= _SPACE:
        return ""
    return (
        f"kconform needs {_SPACE >> 20} MiB of address space in each process, and may have {allowed >> 20} MiB: "
        f"raise the limit (ulimit -v {_SPACE >> 10})"
    )
