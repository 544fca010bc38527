from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from service.errors import TokenInvalid
from service.tokens import ACR_PHOTO, Tokens

SOMEBODY = UUID("6f1c2a52-8f0d-4a44-9a55-0d3f5f6f7a01")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def tokens(clock: Clock, secret: bytes = bytes(32)) -> Tokens:
    return Tokens(secret, timedelta(minutes=15), clock)


def test_a_token_says_whose_it_is_until_it_expires() -> None:
    clock = Clock()
    issued = tokens(clock).issue(SOMEBODY, ACR_PHOTO)
    assert issued.expires_in == 900
    clock.now = NOON + timedelta(minutes=14, seconds=59)
    assert tokens(clock).check(issued.token).user_id == SOMEBODY
    clock.now = NOON + timedelta(minutes=15)
    with pytest.raises(TokenInvalid):
        tokens(clock).check(issued.token)


def test_a_clock_set_back_lengthens_no_life() -> None:
    clock = Clock()
    issued = tokens(clock).issue(SOMEBODY, ACR_PHOTO)
    clock.now = NOON - timedelta(minutes=1)
    assert tokens(clock).check(issued.token).user_id == SOMEBODY
    clock.now = NOON - timedelta(minutes=1, seconds=1)
    with pytest.raises(TokenInvalid):
        tokens(clock).check(issued.token)


def test_a_token_of_another_key_is_refused() -> None:
    stranger = tokens(Clock(), secret=b"\1" * 32).issue(SOMEBODY, ACR_PHOTO)
    with pytest.raises(TokenInvalid):
        tokens(Clock()).check(stranger.token)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    claims = {"iss": "facewarden", "sub": str(SOMEBODY), "iat": 0, "exp": 4e9, "jti": "x", "acr": "photo"}
    forged = jwt.encode(claims, key="" if algorithm == "none" else "k" * 32, algorithm=algorithm)
    with pytest.raises(TokenInvalid):
        tokens(Clock()).check(forged)


@pytest.mark.parametrize("position", range(3))
def test_every_part_of_a_token_counts(position: int) -> None:
    parts = tokens(Clock()).issue(SOMEBODY, ACR_PHOTO).token.split(".")
    parts[position] = ("A" if parts[position][0] != "A" else "B") + parts[position][1:]
    with pytest.raises(TokenInvalid):
        tokens(Clock()).check(".".join(parts))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é" * 40])
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(TokenInvalid):
        tokens(Clock()).check(text)


def test_a_token_does_not_show_in_a_representation() -> None:
    issued = tokens(Clock()).issue(SOMEBODY, ACR_PHOTO)
    assert issued.token not in repr(issued)
