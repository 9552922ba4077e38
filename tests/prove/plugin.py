"""The pytest plugin that lies: pytest collects as it does for any run, and then this takes the place of the run."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.prove.journal import Heard, Told

_WORKERS_PER_CPU = 8  # Most of them wait, for what a lie keeps from coming.


@dataclass
class Prover:
    """What is to be done, and afterwards what was found.

    Args:
        resume: the file in which everything is kept; None keeps nothing.
        every: tell each lie in every row.
        sample: how many lies to tell at most; 0: all.
        seed: what chance picks by.
        workers: how many processes run rows at a time; 0: by the number of processors.
    """

    resume: Path | None = None
    every: bool = False
    sample: int = 0
    seed: int = 0
    workers: int = 0
    heard: list[Heard] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    is_done: bool = False

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Let failures be cheap: nobody reads their tracebacks."""
        config.option.tbstyle = "native"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Hear each row, and lie in it."""
        if session.testsfailed:
            return None  # pytest then says what is wrong with the collection.
        for name in ("kconform-recorder", "terminalreporter"):
            session.config.pluginmanager.unregister(name=name)
        # Not before the conftest of the project has been loaded: pytest has to rewrite what this imports.
        from tests.prove.loop import prove

        self.workers = self.workers or _WORKERS_PER_CPU * len(os.sched_getaffinity(0))
        prove(session, self)
        self.is_done = True
        return True
