import asyncio
import sys
import threading

import pytest

from service.errors import Busy
from service.workers import TURN_SECONDS, OneAtATime, Workers


def test_work_runs_off_the_event_loop_and_gives_its_result() -> None:
    async def story() -> tuple[int, bool]:
        workers = Workers(1, 0)
        try:
            here = threading.get_ident()
            elsewhere = await workers.run(lambda: threading.get_ident() != here)
            return await workers.run(lambda a, b: a + b, 2, b=3), elsewhere
        finally:
            workers.close()

    assert asyncio.run(story()) == (5, True)


def test_past_the_queue_limit_it_refuses_at_once_and_recovers() -> None:
    async def story() -> None:
        workers = Workers(2, 1)
        gate = threading.Event()
        try:
            running = [asyncio.create_task(workers.run(gate.wait)) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                workers.admit()
            with pytest.raises(Busy):
                await workers.run(int)
            gate.set()
            assert await asyncio.gather(*running) == [True] * 3
            assert workers.taken == 0
            assert await workers.run(int) == 0
        finally:
            gate.set()
            workers.close()

    asyncio.run(story())


def test_an_error_reaches_the_caller_and_frees_the_place() -> None:
    def fail() -> None:
        raise KeyError

    async def story() -> None:
        workers = Workers(1, 0)
        try:
            for _ in range(3):
                with pytest.raises(KeyError):
                    await workers.run(fail)
            assert workers.taken == 0
        finally:
            workers.close()

    asyncio.run(story())


def test_a_caller_who_leaves_does_not_free_a_place_that_is_still_worked_on() -> None:
    async def story() -> None:
        workers = Workers(1, 0)
        gate = threading.Event()
        try:
            caller = asyncio.create_task(workers.run(gate.wait))
            await asyncio.sleep(0)
            caller.cancel()
            await asyncio.gather(caller, return_exceptions=True)
            with pytest.raises(Busy):
                workers.admit()
            gate.set()
            while workers.taken:
                await asyncio.sleep(0.001)
            workers.admit()
        finally:
            gate.set()
            workers.close()

    asyncio.run(story())


def test_what_one_at_a_time_does_is_refused_to_others_until_it_is_done() -> None:
    alone = OneAtATime()

    def again() -> int:
        return alone(lambda: 1)

    with pytest.raises(Busy):
        alone(again)
    assert again() == 1


def test_threads_that_wait_for_the_interpreter_get_it_soon() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    try:
        Workers(1, 1).close()
        assert sys.getswitchinterval() == pytest.approx(TURN_SECONDS)
    finally:
        sys.setswitchinterval(before)
