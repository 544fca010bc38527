"""The keys that sign tokens follow one another without anybody having to log in again."""

from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.signing_keys import SigningKey
from db.storage import Storage
from service.bootstrap import signing, tokens
from service.errors import TokenInvalid
from service.settings import Settings
from service.token_keys import LEAD, LONGEST_LIFE, SKEW, TokenKeys
from service.tokens import ACR_PHOTO
from service.workflows.signing import Signing
from tests.db.people import Clock, enrol, open_in

DAY = timedelta(days=1)


@pytest.fixture
def own(storage: Storage, clock: Clock) -> Signing:
    return signing(storage, Settings(), clock)


def kids(own: Signing) -> list[str]:
    return [key["kid"] for key in own.keys.public()["keys"]]


def test_what_is_published_opens_tokens_and_holds_no_private_half(own: Signing, storage: Storage, clock: Clock) -> None:
    (public,) = own.keys.public()["keys"]
    assert public.keys() == {"kty", "crv", "x", "kid", "use", "alg"}
    issued = tokens(storage, Settings(), clock).issue(enrol(storage), ACR_PHOTO)
    assert jwt.get_unverified_header(issued.token)["kid"] == public["kid"]
    found = jwt.decode(issued.token, jwt.PyJWK(public), audience="http://127.0.0.1:8000", options={"verify_exp": False})
    assert found["iss"] == "http://127.0.0.1:8000"


def test_a_key_is_published_before_it_signs_and_until_its_last_token_has_expired(
    own: Signing, storage: Storage, clock: Clock
) -> None:
    issuer = tokens(storage, Settings(), clock)
    before = own.keys.signing().kid
    clock.advance(days=90)
    own.keep()
    assert kids(own)[0] == before
    assert len(kids(own)) == 2
    clock.advance(seconds=LEAD.total_seconds() - 1)
    last = issuer.issue(enrol(storage), ACR_PHOTO).token
    clock.advance(seconds=1)
    assert own.keys.signing().kid == kids(own)[1]
    assert issuer.check(last).acr == ACR_PHOTO
    clock.advance(seconds=(LONGEST_LIFE + SKEW).total_seconds() - 1)
    own.keep()
    assert kids(own)[0] == before
    clock.advance(seconds=1)
    own.keep()
    assert kids(own) == [own.keys.signing().kid] != [before]


def test_a_key_is_followed_by_age_alone(own: Signing, clock: Clock) -> None:
    own.keys.signing()
    clock.advance(days=89)
    own.keep()
    assert len(kids(own)) == 1
    clock.advance(days=1)
    own.keep()
    own.keep()
    assert len(kids(own)) == 2


def test_at_once_ends_every_token(own: Signing, storage: Storage, clock: Clock) -> None:
    issuer = tokens(storage, Settings(), clock)
    token = issuer.issue(enrol(storage), ACR_PHOTO).token
    clock.advance(seconds=1)
    made = own.rotate(at_once=True)
    assert kids(own) == [made.kid] == [own.keys.signing().kid]
    with pytest.raises(TokenInvalid):
        issuer.check(token)
    (entry,) = [each for each in storage.audit.entries() if each.kind == "token_key_made"]
    assert entry.details["at_once"] is True


def test_two_who_look_into_one_store_see_one_anothers_keys(own: Signing, storage: Storage, clock: Clock) -> None:
    other = signing(storage, Settings(), clock)
    assert kids(own) == kids(other)
    clock.advance(seconds=1)
    other.rotate()
    assert kids(own) == kids(other)
    assert len(kids(own)) == 2


def test_the_keys_are_the_same_under_the_next_master_key(own: Signing, storage: Storage, tmp_path: Path) -> None:
    before = kids(own)
    storage.master_rotation().rotate()
    again = open_in(tmp_path)
    assert kids(signing(again, Settings())) == before
    again.close()


class Store:
    """Keys in memory."""

    def __init__(self) -> None:
        self.keys: list[SigningKey] = []
        self.made = 0

    def all(self) -> list[SigningKey]:
        return sorted(self.keys, key=lambda each: each.made_at)

    def add(self, made_at: object) -> None:
        self.made += 1
        self.keys.append(SigningKey(made_at, self.made.to_bytes(32)))  # type: ignore[arg-type]

    def destroy(self, made_at: object) -> None:
        gone = list(made_at)  # type: ignore[call-overload]
        self.keys = [each for each in self.keys if each.made_at not in gone]


@settings(deadline=None)  # machines may be slow
@given(st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=40))
def test_no_token_outlives_its_key_and_no_copy_of_the_set_is_too_old(steps: list[tuple[int, bool]]) -> None:
    """Minutes pass, keys are added or retired: what signed within the longest life is known, what signs now was
    published a while ago."""
    clock, store = Clock(), Store()
    keys = TokenKeys(store, clock)  # type: ignore[arg-type]
    signed, published = [(clock.now, keys.signing().kid)], {keys.signing().kid: clock.now - LEAD}
    for minutes, add in steps:
        clock.advance(minutes=minutes)
        if add:
            published[keys.add().kid] = clock.now
        keys.retire()
        signed.append((clock.now, keys.signing().kid))
        assert published[keys.signing().kid] + LEAD <= clock.now
        known = {each.kid for each in keys.all()}
        assert {kid for at, kid in signed if clock.now - at <= LONGEST_LIFE} <= known
