import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO

import pytest

from embeddings.film_refusals import BrokenFilm, FilmTooLarge
from service.film_jobs import KEPT_SECONDS, FilmJobs, JobNotReady, JobsFull, UnknownJob
from service.workflows.film import FilmDone, Progress, Tell

DONE = FilmDone(3, 1, 3, 0, hides=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Iterator[FilmJobs]:
    made = FilmJobs(2, 1000, clock)
    yield made
    made.close()


def quick(target: BytesIO, tell: Tell) -> FilmDone:
    tell(Progress("find", 1, 3))
    target.write(b"the film")
    return DONE


def until(state: str, jobs: FilmJobs, ticket: tuple[str, str]) -> None:
    end = time.monotonic() + 20
    while jobs.ask(*ticket).state != state:
        assert time.monotonic() < end
        time.sleep(0.005)


class Held:
    """Work that goes on until it is ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.begun = threading.Event()

    def __call__(self, target: BytesIO, tell: Tell) -> FilmDone:
        try:
            for number in range(1_000_000):
                tell(Progress("find", number, None))
                self.begun.set()
                time.sleep(0.005)
        finally:
            self.ended.set()
        raise AssertionError(target)


def broken(_: BytesIO, __: Tell) -> FilmDone:
    raise BrokenFilm("no film")


def test_what_is_no_film_keeps_no_place_from_one_that_is(jobs: FilmJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.film_jobs.MOST_FAILED", 3)
    failed = []
    for _ in range(6):
        failed.append(jobs.begin(broken))
        until("failed", jobs, failed[-1])
    ticket = jobs.begin(quick)
    until("done", jobs, ticket)
    for each in failed[:3]:
        with pytest.raises(UnknownJob):
            jobs.ask(*each)
    assert {jobs.ask(*each).state for each in failed[3:]} == {"failed"}
    jobs.begin(quick)
    with pytest.raises(JobsFull):
        jobs.begin(quick)


def test_a_result_is_handed_out_once(jobs: FilmJobs) -> None:
    ticket = jobs.begin(quick)
    until("done", jobs, ticket)
    assert jobs.take(*ticket) == (b"the film", DONE)
    for ask in (jobs.take, jobs.ask, jobs.cancel):
        with pytest.raises(UnknownJob):
            ask(*ticket)


def test_only_who_holds_the_secret_may_ask(jobs: FilmJobs) -> None:
    (first, secret), (other, its) = jobs.begin(quick), jobs.begin(quick)
    asks: tuple[Callable[[str, str], object], ...] = (jobs.ask, jobs.take, jobs.cancel)
    for ask in asks:
        for number, told in ((first, its), (other, secret), (first, ""), ("", secret), (first, "ü"), (secret, first)):
            with pytest.raises(UnknownJob):
                ask(number, told)
    until("done", jobs, (first, secret))
    assert len(secret) >= 22
    assert secret not in repr(jobs.ask(first, secret))


def test_there_are_only_so_many_and_a_place_is_free_again(jobs: FilmJobs) -> None:
    first, _ = jobs.begin(quick), jobs.begin(quick)
    with pytest.raises(JobsFull):
        jobs.admit()
    with pytest.raises(JobsFull):
        jobs.begin(quick)
    jobs.cancel(*first)
    jobs.begin(quick)


def test_cancelling_ends_the_work(jobs: FilmJobs) -> None:
    held = Held()
    ticket = jobs.begin(held)
    assert held.begun.wait(20)
    with pytest.raises(JobNotReady):
        jobs.take(*ticket)
    jobs.cancel(*ticket)
    assert held.ended.wait(20)
    until("done", jobs, jobs.begin(quick))


def test_what_nobody_asks_about_is_ended_and_forgotten(jobs: FilmJobs, clock: Clock) -> None:
    held = Held()
    ticket = jobs.begin(held)
    assert held.begun.wait(20)
    clock.now += KEPT_SECONDS
    assert jobs.ask(*ticket).state == "working"
    clock.now += KEPT_SECONDS + 1
    jobs.tidy()
    assert held.ended.wait(20)
    with pytest.raises(UnknownJob):
        jobs.ask(*ticket)


def test_a_failure_is_told_and_holds_no_frames(jobs: FilmJobs) -> None:
    def broken(target: BytesIO, tell: Tell) -> FilmDone:
        raise BrokenFilm(f"{target is None}{tell is None}")

    def endless(target: BytesIO, _: Tell) -> FilmDone:
        while True:
            target.write(bytes(100))

    for work, error in ((broken, BrokenFilm), (endless, FilmTooLarge)):
        ticket = jobs.begin(work)
        until("failed", jobs, ticket)
        failed = jobs.ask(*ticket).failed
        assert failed is not None
        assert failed.__traceback__ is None
        with pytest.raises(error):
            jobs.take(*ticket)
        jobs.cancel(*ticket)
