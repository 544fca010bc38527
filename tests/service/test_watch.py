import asyncio
from collections.abc import Iterator

import pytest

from service.watch import Stage, Watch, begun_waiting, stage, tell_erasure, tell_login, watching
from service.workers import Workers


@pytest.fixture
def ticking() -> Iterator[Watch]:
    """Every look at the clock finds it one second later."""
    seconds = iter(range(1000))
    with watching(Watch(lambda: float(next(seconds)))) as watch:
        yield watch


def test_a_stage_does_not_count_the_time_of_those_inside_it(ticking: Watch) -> None:
    with stage(Stage.DATABASE):  # 0 to 5
        with stage(Stage.SEARCH):  # 1 to 2
            pass
        with stage(Stage.SEARCH):  # 3 to 4
            pass
    with stage(Stage.DATABASE):  # 6 to 7
        pass
    assert ticking.seconds == {Stage.SEARCH: 2.0, Stage.DATABASE: 4.0}


def test_a_stage_that_fails_counts_as_well(ticking: Watch) -> None:
    with pytest.raises(KeyError), stage(Stage.PICTURE):
        raise KeyError
    assert ticking.seconds == {Stage.PICTURE: 1.0}


def test_what_happens_on_a_worker_is_told_to_the_request_that_asked_for_it() -> None:
    def work(mode: str) -> None:
        with stage(Stage.PICTURE):
            tell_login(mode, "accepted")

    async def request(workers: Workers, mode: str) -> Watch:
        with watching(Watch()) as watch:
            await workers.run(work, mode)
        return watch

    async def story() -> tuple[Watch, Watch]:
        workers = Workers(1, 4)
        try:
            one, many = await asyncio.gather(request(workers, "1:1"), request(workers, "1:N"))
            return one, many
        finally:
            workers.close()

    one, many = asyncio.run(story())
    assert one.logins == {("1:1", "accepted"): 1}
    assert many.logins == {("1:N", "accepted"): 1}
    assert one.seconds.keys() == {Stage.WAITING, Stage.WORK, Stage.PICTURE}


def test_without_a_listener_telling_costs_and_does_nothing() -> None:
    with stage(Stage.SEARCH):
        begun_waiting()()
        tell_erasure("self", 1)
