"""Attempt limits, by themselves over a real database, and around a real login."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.failures import Failures
from db.storage import Storage
from service.bootstrap import Application, build
from service.errors import AlreadyEnrolled, Locked, NotRecognised, Stopped
from service.lockout import Attempt, Evidence, Limits, Lockout
from service.settings import Settings
from service.workflows.administer import Administer
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from tests.db.people import Clock, open_in
from tests.portraits import portraits

LIMITS = Limits()
HERE, THERE = "192.0.2.1", "192.0.2.2"


def fail(storage: Storage, lockout: Lockout, attempt: Attempt, evidence: Evidence = Evidence.FACE) -> None:
    with storage.begin() as work:
        lockout.check(work, attempt, evidence)
        lockout.failed(work, attempt)
        work.commit()


def check(storage: Storage, lockout: Lockout, attempt: Attempt, evidence: Evidence = Evidence.FACE) -> None:
    with storage.begin() as work:
        lockout.check(work, attempt, evidence)


def test_five_are_free_then_the_wait_doubles(storage: Storage, clock: Clock) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    attempt = lockout.attempt(uuid4(), None)
    for _ in range(5):
        fail(storage, lockout, attempt)
    waits = []
    for _ in range(4):
        with pytest.raises(Locked) as locked:
            check(storage, lockout, attempt)
        waits.append(locked.value.retry_after)
        clock.advance(seconds=waits[-1] - 1)
        with pytest.raises(Locked):
            check(storage, lockout, attempt)
        clock.advance(seconds=1)
        fail(storage, lockout, attempt)
    assert waits == [30, 60, 120, 240]


def test_a_restart_forgives_nothing_and_a_clock_set_back_does_not_lock_for_longer(tmp_path: Path, clock: Clock) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    attempt = lockout.attempt(uuid4(), HERE)
    first = open_in(tmp_path, clock)
    for _ in range(5):
        fail(first, lockout, attempt)
    first.close()
    clock.advance(days=-400)
    second = open_in(tmp_path, clock)
    with pytest.raises(Locked) as locked:
        check(second, lockout, attempt)
    second.close()
    assert locked.value.retry_after == 30


def test_a_pause_is_served_even_where_the_clock_was_set_back(storage: Storage, clock: Clock) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    attempt = lockout.attempt(uuid4(), HERE)
    for _ in range(5):
        fail(storage, lockout, attempt)
    clock.advance(days=-400)
    assert Administer(storage, lockout).tidy() == 0
    with pytest.raises(Locked) as locked:
        check(storage, lockout, attempt)
    assert locked.value.retry_after == 30
    clock.advance(seconds=30)
    check(storage, lockout, attempt)


def test_after_fifty_only_a_second_factor_is_let_through_and_never_past_the_wait(
    storage: Storage, clock: Clock
) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    attempt = lockout.attempt(uuid4(), None)
    for _ in range(50):
        fail(storage, lockout, attempt)
        clock.advance(hours=1)
    with pytest.raises(Stopped):
        check(storage, lockout, attempt)
    for other in (Evidence.PASSPHRASE, Evidence.RECOVERY):
        check(storage, lockout, attempt, other)
    clock.advance(minutes=-30)
    for evidence in Evidence:
        with pytest.raises(Locked):
            check(storage, lockout, attempt, evidence)


def test_after_a_hundred_the_passphrase_is_stopped_too_and_the_recovery_code_never(
    storage: Storage, clock: Clock
) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    attempt = lockout.attempt(uuid4(), None)
    for _ in range(100):
        fail(storage, lockout, attempt, Evidence.RECOVERY)
        clock.advance(hours=1)
    for evidence in (Evidence.FACE, Evidence.PASSPHRASE):
        with pytest.raises(Stopped):
            check(storage, lockout, attempt, evidence)
    check(storage, lockout, attempt, Evidence.RECOVERY)


def test_a_client_waits_whatever_it_claims_and_others_do_not(storage: Storage) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    for _ in range(5):
        fail(storage, lockout, lockout.attempt(uuid4(), HERE))
    with pytest.raises(Locked):
        check(storage, lockout, lockout.attempt(uuid4(), HERE))
    with pytest.raises(Locked):
        check(storage, lockout, lockout.attempt(None, HERE))
    check(storage, lockout, lockout.attempt(uuid4(), THERE))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", HERE, True),
        ("unix", "unix", True),
        (HERE, THERE, False),
    ],
)
def test_which_addresses_are_one_client(one: str, other: str, same: bool) -> None:
    lockout = Lockout(bytes(32), LIMITS)
    assert (lockout.attempt(None, one) == lockout.attempt(None, other)) is same


@given(st.integers(0, 10_000), st.integers(-(10**6), 10**6))
def test_what_is_left_is_never_more_than_the_wait_and_waits_never_shrink(failures: int, seconds: int) -> None:
    now = Clock().now
    left = LIMITS.left(Failures(failures, now + timedelta(seconds=seconds)), now)
    assert timedelta(0) <= left <= LIMITS.pause(failures) <= LIMITS.pause(failures + 1) <= LIMITS.longest


@pytest.fixture
def application(tmp_path: Path, clock: Clock) -> Iterator[Application]:
    built = build(Settings(home=tmp_path / "home"), now=clock)
    yield built
    built.close()


def refused(application: Application, claim: UUID, client: str) -> str:
    frame = portraits().biden.read_bytes()
    try:
        application.login(LoginRequest([frame], claim, client=client))
    except (NotRecognised, Locked, Stopped) as refusal:
        return refusal.code
    return "accepted"


def test_known_and_unknown_claims_are_locked_alike_and_the_right_face_waits_too(
    application: Application, clock: Clock
) -> None:
    people = portraits()
    known = application.enrol(EnrolRequest([people.obama.read_bytes()], consent=True)).user_id
    of_known = [refused(application, known, HERE) for _ in range(6)]
    of_nobody = [refused(application, uuid4(), THERE) for _ in range(6)]
    assert of_known == of_nobody == ["not_recognised"] * 5 + ["locked"]
    frame, elsewhere = people.obama3.read_bytes(), "192.0.2.3"
    with pytest.raises(Locked):
        application.login(LoginRequest([frame], known, client=elsewhere))
    clock.advance(seconds=30)
    assert application.login(LoginRequest([frame], known, client=elsewhere)).user_id == known
    assert application.administer.unlock(known) is False


def test_an_operator_unlocks(application: Application) -> None:
    known = application.enrol(EnrolRequest([portraits().obama.read_bytes()], consent=True)).user_id
    for _ in range(6):
        last = refused(application, known, HERE)
    assert last == "locked"
    assert application.administer.unlock(known)
    assert refused(application, known, THERE) == "not_recognised"


def test_who_tries_out_whose_face_is_enrolled_has_to_wait_like_who_tries_to_log_in(application: Application) -> None:
    photo = [portraits().obama.read_bytes()]
    application.enrol(EnrolRequest(photo, consent=True, client=HERE))
    for _ in range(5):
        with pytest.raises(AlreadyEnrolled):
            application.enrol(EnrolRequest(photo, consent=True, client=HERE))
    with pytest.raises(Locked):
        application.enrol(EnrolRequest(photo, consent=True, client=HERE))
    with pytest.raises(Locked):
        application.login(LoginRequest(photo, client=HERE))
    with pytest.raises(AlreadyEnrolled):
        application.enrol(EnrolRequest(photo, consent=True, client=THERE))
