"""What the metrics are told of one request on its way: seconds by stage, decisions, erasures; never about whom.

Workflows tell it without knowing who listens, or whether anybody does: the request's `Watch` travels in its context,
onto the worker threads too.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum


class Stage(StrEnum):
    """Parts of a request that follow one another. `work`: on a worker, and none of the others."""

    BODY = "body"
    WAITING = "waiting"
    PICTURE = "picture"
    SEARCH = "search"
    PASSPHRASE = "passphrase"  # noqa: S105 - a stage
    DATABASE = "database"
    WORK = "work"


class Watch:
    """Of one request, which is at one place at a time. `clock`: seconds."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.seconds: defaultdict[Stage, float] = defaultdict(float)
        self.logins: Counter[tuple[str, str]] = Counter()
        """By mode (1:1, 1:N) and outcome."""
        self.enrolments: Counter[str] = Counter()
        """By reason to look at them; `none` without one."""
        self.erasures: Counter[str] = Counter()
        """People, by who had them erased."""
        self.clock = clock
        self._inside = 0.0

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Counts the time for `stage`, without that of stages inside it."""
        start, around = self.clock(), self._inside
        self._inside = 0.0
        try:
            yield
        finally:
            took = self.clock() - start
            self.seconds[stage] += took - self._inside
            self._inside = around + took


_watch: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Everything that happens inside, also on worker threads, is told to `watch`."""
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


@contextmanager
def stage(which: Stage) -> Iterator[None]:
    """What happens inside is this part of the request."""
    watch = _watch.get()
    if watch is None:
        yield
        return
    with watch.during(which):
        yield


def begun_waiting() -> Callable[[], None]:
    """To be called when the wait is over."""
    watch = _watch.get()
    if watch is None:
        return lambda: None
    start = watch.clock()

    def over() -> None:
        watch.seconds[Stage.WAITING] += watch.clock() - start

    return over


def tell_login(mode: str, outcome: str) -> None:
    if (watch := _watch.get()) is not None:
        watch.logins[mode, outcome] += 1


def tell_enrolment(reason_to_look: str | None) -> None:
    if (watch := _watch.get()) is not None:
        watch.enrolments[reason_to_look or "none"] += 1


def tell_erasure(by: str, people: int) -> None:
    if (watch := _watch.get()) is not None:
        watch.erasures[by] += people
