from datetime import timedelta
from pathlib import Path
from uuid import UUID

import jwt
import pytest

from db.storage import Storage
from service.bootstrap import tokens
from service.errors import TokenInvalid
from service.settings import Settings
from service.token_keys import TokenKeys
from service.tokens import ACR_PHOTO, TYPE, Tokens, signed
from tests.db.people import Clock, open_in

SOMEBODY = UUID("6f1c2a52-8f0d-4a44-9a55-0d3f5f6f7a01")


@pytest.fixture
def own(storage: Storage, clock: Clock) -> Tokens:
    return tokens(storage, Settings(), clock)


def test_a_token_says_whose_it_is_until_it_expires(own: Tokens, clock: Clock) -> None:
    issued = own.issue(SOMEBODY, ACR_PHOTO)
    assert issued.expires_in == 900
    clock.advance(minutes=14, seconds=59)
    assert own.check(issued.token).user_id == SOMEBODY
    clock.advance(seconds=1)
    with pytest.raises(TokenInvalid):
        own.check(issued.token)


def test_a_clock_set_back_lengthens_no_life(own: Tokens, clock: Clock) -> None:
    issued = own.issue(SOMEBODY, ACR_PHOTO)
    clock.advance(minutes=-1)
    assert own.check(issued.token).user_id == SOMEBODY
    clock.advance(seconds=-1)
    with pytest.raises(TokenInvalid):
        own.check(issued.token)


def test_a_token_of_another_installation_is_refused(own: Tokens, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = open_in(tmp_path / "other", clock)
    stranger = tokens(other, Settings(), clock).issue(SOMEBODY, ACR_PHOTO)
    other.close()
    with pytest.raises(TokenInvalid):
        own.check(stranger.token)


def test_a_token_of_another_address_is_refused(own: Tokens, storage: Storage, clock: Clock) -> None:
    elsewhere = tokens(storage, Settings(public_url="https://elsewhere.example"), clock)
    with pytest.raises(TokenInvalid):
        own.check(elsewhere.issue(SOMEBODY, ACR_PHOTO).token)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, "JWT"),
        ({"aud": "an-application"}, TYPE),
        ({"iss": "http://127.0.0.1:8001"}, TYPE),
        ({"tenant": None}, TYPE),
    ],
    ids=["ID token", "for an application", "of another address", "of no tenant"],
)
def test_what_the_same_key_signs_for_others_is_no_login_token(
    own: Tokens, storage: Storage, clock: Clock, changed: dict[str, object], kind: str
) -> None:
    claims = jwt.decode(own.issue(SOMEBODY, ACR_PHOTO).token, options={"verify_signature": False})
    claims = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    key = TokenKeys(storage.signing_keys(), clock).signing()
    if changed or kind != TYPE:
        with pytest.raises(TokenInvalid):
            own.check(signed(claims, key, kind))
    assert (
        own.check(signed({**claims, "aud": own.issuer, "iss": own.issuer, "tenant": "default"}, key, TYPE)).acr
        == ACR_PHOTO
    )


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_another_algorithm_is_refused(own: Tokens, algorithm: str) -> None:
    good = own.issue(SOMEBODY, ACR_PHOTO).token
    claims = jwt.decode(good, options={"verify_signature": False})
    headers = {name: value for name, value in jwt.get_unverified_header(good).items() if name != "alg"}
    forged = jwt.encode(claims, "" if algorithm == "none" else "k" * 32, algorithm=algorithm, headers=headers)
    with pytest.raises(TokenInvalid):
        own.check(forged)


@pytest.mark.parametrize("position", range(3))
def test_every_part_of_a_token_counts(own: Tokens, position: int) -> None:
    parts = own.issue(SOMEBODY, ACR_PHOTO).token.split(".")
    parts[position] = ("A" if parts[position][0] != "A" else "B") + parts[position][1:]
    with pytest.raises(TokenInvalid):
        own.check(".".join(parts))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é" * 40])
def test_rubbish_is_refused(own: Tokens, text: str) -> None:
    with pytest.raises(TokenInvalid):
        own.check(text)


def test_a_token_does_not_show_in_a_representation(own: Tokens) -> None:
    issued = own.issue(SOMEBODY, ACR_PHOTO)
    assert issued.token not in repr(issued)


def test_a_token_that_was_given_back_is_refused_by_whoever_reads_the_database(
    own: Tokens, storage: Storage, clock: Clock
) -> None:
    token, kept = own.issue(SOMEBODY, ACR_PHOTO).token, own.issue(SOMEBODY, ACR_PHOTO).token
    claims = own.check(token)
    with storage.begin() as work:
        work.revoked.add(claims.token_id, claims.expires_at)
        work.revoked.add(claims.token_id, claims.expires_at)
        work.commit()
    for reader in (own, tokens(storage, Settings(), clock)):
        with pytest.raises(TokenInvalid):
            reader.check(token)
        assert reader.check(kept).expires_at - claims.issued_at == timedelta(minutes=15)
