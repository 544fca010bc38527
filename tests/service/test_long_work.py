"""Long work: told how far it is, one at a time, ended by whoever stops listening."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from service.errors import Busy
from service.long_work import LongWork, Tell


@pytest.fixture
def long() -> Iterator[LongWork]:
    made = LongWork("test")
    yield made
    made.close()


def test_it_tells_how_far_it_is_and_gives_the_result(long: LongWork) -> None:
    heard = threading.Event()

    def work(tell: Tell) -> str:
        tell(0.25)
        assert heard.wait(30)
        return "done"

    async def story() -> list[float]:
        running, told = long.begin(work), []
        async for share in running.shares():
            told.append(share)
            if share == 0.25:
                heard.set()
        assert running.future.result() == "done"
        return told

    told = asyncio.run(story())
    assert told[-1] == 0.25
    assert told == sorted(told)


def test_another_is_refused_until_it_is_done_or_has_failed(long: LongWork) -> None:
    gate = threading.Event()

    def fail(_: Tell) -> int:
        assert gate.wait(30)
        raise KeyError

    async def story() -> None:
        running = long.begin(fail)
        with pytest.raises(Busy):
            long.begin(lambda _: 1)
        gate.set()
        with pytest.raises(KeyError):
            await running.result()
        assert await long.begin(lambda _: 1).result() == 1

    asyncio.run(story())


def test_who_stops_listening_ends_it(long: LongWork) -> None:
    over = threading.Event()

    def work(tell: Tell) -> None:
        try:
            while True:
                tell(0.5)
        finally:
            over.set()

    async def story() -> None:
        shares = long.begin(work).shares()
        assert await anext(shares) == 0.5
        await shares.aclose()
        assert await asyncio.to_thread(over.wait, 30)

    asyncio.run(story())
    long.close()


def test_closing_ends_it_too(long: LongWork) -> None:
    def work(tell: Tell) -> None:
        while True:
            tell(0.5)

    running = long.begin(work)
    long.close()
    assert running.future.exception(30) is not None


def test_closing_tells_also_who_waits_for_work_that_never_began(long: LongWork) -> None:
    busy = threading.Event()
    long._pool.submit(busy.wait, 30)
    running = long.begin(lambda _: None)
    threading.Timer(0.1, busy.set).start()
    long.close()
    assert running.future.exception(30) is not None
