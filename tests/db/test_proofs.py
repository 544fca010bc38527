"""Somebody writes into the data without any key: what is not sealed counts for nothing all the same."""

import hmac
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, Table, create_engine, delete, insert, select, update

from db import proofs, upgrade
from db.api_keys import Role
from db.challenges import Claim
from db.clients import ClientRecord
from db.grants import Grant
from db.key_file import KeyFile
from db.keys import EnvironmentKey
from db.restore import Restore
from db.storage import Storage
from db.tables import ApiKeyRow, ChallengeRow, ClientRow, DataTable, GrantRow, ProvenTable
from tests.databases import urls
from tests.db.make_schemas import FOLDER, MASTER_KEY
from tests.db.people import Clock, enrol, open_in

CODE, TOKEN, NONCE = b"c" * 32, b"t" * 32, b"n" * 32
PROVEN: Final[tuple[type[ProvenTable], ...]] = (ApiKeyRow, ChallengeRow, ClientRow, GrantRow)
connect: Final = sqlite3.connect


class House:
    """A storage in which there is one row of each kind."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self.home, self.clock = home, clock
        self.storage = open_in(home, clock)
        self.person, self.challenge = enrol(self.storage), uuid4()
        self.claim = Claim(self.challenge, "login", "subject", NONCE)
        with self.storage.begin() as work:
            self.client = ClientRecord("shop", "default", "Shop", ("https://shop.example/",), work.now, b"s" * 32)
            work.clients.add(self.client)
            life = work.now + timedelta(minutes=1)
            place = "https://shop.example/"
            self.grant = Grant(CODE, "shop", self.person, place, "challenge", "nonce", "photo", work.now, life)
            work.grants.add(self.grant)
            work.challenges.add(self.claim, work.now, life, "[]")
            self.key, self.shown = work.api_keys.add(Role.AUDITOR, "door 3", work.now, life)
            work.commit()

    def known(self) -> dict[str, bool]:
        """Which of the rows count, by their tables."""
        with self.storage.begin() as work:
            steps = work.challenges.at_once(self.challenge) is not None
            found = {
                "client": work.clients.get("shop") is not None,
                "oauth_grant": work.grants.by_code(CODE) is not None,
                "challenge": steps and work.challenges.begin(self.claim, work.now),
            }
        return {**found, "api_key": self.storage.api_keys.find(self.shown, self.clock()) is not None}

    def told(self) -> list[object]:
        """Which tables the log has refused rows of."""
        return [entry.details["table"] for entry in self.storage.audit.entries() if entry.kind == "row_refused"]


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(tmp_path, clock)
    yield made
    made.storage.close()


@contextmanager
def thief(home: Path) -> Iterator[Engine]:
    """The data as somebody has them who has nothing else."""
    engine = create_engine(urls(home)[0])
    yield engine
    engine.dispose()


def table(name: str) -> Table:
    return DataTable.metadata.tables[name]


def write(home: Path, statement: Any) -> None:
    with thief(home) as engine, engine.begin() as connection:
        connection.execute(statement)


def rows(home: Path, name: str) -> list[dict[str, Any]]:
    with thief(home) as engine, engine.begin() as connection:
        return [dict(row) for row in connection.execute(select(table(name))).mappings()]


def another(value: Any) -> Any:
    """Of the same type, and not the same."""
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    if isinstance(value, datetime):
        return value + timedelta(days=1)
    return uuid4() if isinstance(value, UUID) else b"x" * 32


def test_each_row_counts_as_it_was_written(house: House) -> None:
    assert set(house.known().values()) == {True}
    assert house.told() == []
    assert house.storage.proofs.refused == 0


def test_a_row_that_was_changed_anywhere_counts_for_nothing(house: House, tmp_path: Path) -> None:
    for model in PROVEN:
        row = rows(tmp_path, str(model.__tablename__))[0]
        assert house.storage.proofs.hold(model(**row))
        for column in proofs._proven(model):
            changes = {None, another(row[column])} - {row[column]}
            assert changes
            for value in changes:
                assert not house.storage.proofs.hold(model(**{**row, column: value})), column


def test_every_other_column_is_named_and_changes_by_itself() -> None:
    left_out = {each.__tablename__: each.unproven for each in PROVEN if each.unproven}
    assert left_out == {
        "api_key": {"last_used_at"},
        "challenge": {"expires_at", "begun_at", "told_at", "passed_at", "transform", "sealed"},
    }
    for each in PROVEN:
        assert each.unproven < set(table(str(each.__tablename__)).c.keys())
    assert set(PROVEN) == set(ProvenTable.__subclasses__()) == set(upgrade.TABLES)


ATTACKS: Final[dict[str, Callable[[UUID], Any]]] = {
    "codes go elsewhere": lambda _: update(table("client")).values(redirect_uris="https://thief.example/"),
    "a secret of the thief's own": lambda _: update(table("client")).values(secret=b"x" * 32),
    "no secret at all": lambda _: update(table("client")).values(secret=None),
    "at another tenant": lambda _: update(table("client")).values(tenant="acme"),
    "as somebody else": lambda victim: update(table("oauth_grant")).values(user_id=victim),
    "with the thief's verifier": lambda _: update(table("oauth_grant")).values(challenge="x"),
    "by more than was seen": lambda _: update(table("oauth_grant")).values(acr="live+passphrase"),
    "for good": lambda _: update(table("oauth_grant")).values(expires_at=datetime(2099, 1, 1)),  # noqa: DTZ001
    "with a token of the thief's own": lambda _: update(table("oauth_grant")).values(token=b"x" * 32),
    "steps that were filmed before": lambda _: update(table("challenge")).values(at_once='[["blink"], [1]]'),
    "for another purpose": lambda _: update(table("challenge")).values(purpose="enrolment"),
    "another role": lambda _: update(table("api_key")).values(role="admin"),
    "a role that is none": lambda _: update(table("api_key")).values(role="emperor"),
    "another name": lambda _: update(table("api_key")).values(name="the other door"),
}


@pytest.mark.parametrize("blank", [False, True], ids=["changed", "changed and without a proof"])
def test_the_row_is_refused_and_the_log_tells_of_it_once(house: House, tmp_path: Path, blank: bool) -> None:
    victim, told = enrol(house.storage, seed=1), list[str]()
    for attack in ATTACKS.values():
        statement = attack(victim)
        name = statement.table.name
        before = rows(tmp_path, name)[0]
        write(tmp_path, statement.values(proof=None) if blank else statement)
        told.append(name)
        for _ in range(2):
            known = house.known()
            assert known == {each: each != name for each in known}, statement
            with house.storage.begin() as work:
                assert [each.client_id for each in work.clients.all()] == ([] if name == "client" else ["shop"])
                assert len(work.api_keys.all()) == len(house.storage.api_keys.all()) == (name != "api_key")
                assert work.grants.by_token(b"x" * 32) is None
                assert not work.grants.use(CODE, TOKEN, work.now) or name != "oauth_grant"
            assert not house.storage.api_keys.has_admin(house.clock())
        assert house.told() == told
        write(tmp_path, update(table(name)).values(before))
    assert set(house.known().values()) == {True}
    assert house.storage.proofs.refused >= 2 * len(ATTACKS)
    assert house.storage.audit.verify()[1] == []


def test_rows_made_up_are_none(house: House, tmp_path: Path) -> None:
    made_up: dict[str, dict[str, Any]] = {
        "client": {"client_id": "thief", "redirect_uris": "https://thief.example/"},
        "oauth_grant": {"code": b"x" * 32, "token": b"y" * 32},
        "challenge": {"challenge_id": uuid4()},
        "api_key": {"prefix": "fw_aaaaaaaa", "role": "admin"},
    }
    for name, values in made_up.items():
        for number, proof in enumerate([rows(tmp_path, name)[0]["proof"], None, b"x" * 32]):
            write(tmp_path, insert(table(name)).values({**rows(tmp_path, name)[0], **values, "proof": proof}))
            with house.storage.begin() as work:
                assert work.clients.get("thief") is None
                assert work.grants.by_code(b"x" * 32) is None
                assert not work.grants.use(b"x" * 32, b"z" * 32, work.now)
                assert work.grants.by_token(b"y" * 32) is None
                challenge = made_up["challenge"]["challenge_id"]
                assert work.challenges.at_once(challenge) is None
                assert not work.challenges.begin(replace(house.claim, challenge_id=challenge), work.now)
            assert not house.storage.api_keys.has_admin(house.clock())
            if number < 2:
                key = next(iter(table(name).primary_key.columns))
                write(tmp_path, delete(table(name)).where(key == next(iter(values.values()))))
    assert set(house.known().values()) == {True}


def test_the_proof_of_one_row_is_of_no_use_for_another(house: House, tmp_path: Path) -> None:
    with house.storage.begin() as work:
        work.clients.add(replace(house.client, client_id="other"))
        work.commit()
    of = {row["client_id"]: row["proof"] for row in rows(tmp_path, "client")}
    client = table("client")
    write(tmp_path, update(client).where(client.c.client_id == "shop").values(proof=of["other"]))
    with house.storage.begin() as work:
        assert work.clients.get("shop") is None
        assert work.clients.get("other") is not None


def test_a_code_is_exchanged_once_and_its_token_holds(house: House) -> None:
    later = house.clock() + timedelta(minutes=15)
    with house.storage.begin() as work:
        assert work.grants.use(CODE, TOKEN, later)
        work.commit()
    with house.storage.begin() as work:
        grant = work.grants.by_token(TOKEN)
        assert grant == replace(house.grant, expires_at=later, used=True)
        assert not work.grants.use(CODE, b"z" * 32, later)
    assert house.told() == []


def test_what_was_taken_away_stays_so_when_its_row_is_put_back(house: House, tmp_path: Path) -> None:
    names = ("client", "oauth_grant", "api_key")
    kept = {name: rows(tmp_path, name) for name in names}
    with house.storage.begin() as work:
        work.grants.drop(CODE)
        assert work.clients.remove("shop")
        assert work.api_keys.revoke(house.key.prefix) is not None
        work.commit()
    for name in names:
        assert rows(tmp_path, name) == []
        write(tmp_path, insert(table(name)).values(kept[name]))
    assert house.known() == {"client": False, "oauth_grant": False, "api_key": False, "challenge": True}
    with house.storage.begin() as work:
        assert not work.clients.all()
        assert not work.api_keys.all()
        assert not work.grants.use(CODE, TOKEN, house.clock() + timedelta(minutes=1))
    assert house.storage.api_keys.all() == []


def test_a_token_given_back_is_not_in_the_data_at_all(house: House, tmp_path: Path) -> None:
    with thief(tmp_path) as engine, engine.begin() as connection:
        before = {each.name: connection.execute(select(each)).all() for each in DataTable.metadata.sorted_tables}
    house.storage.revoked.add("token", house.clock() + timedelta(minutes=15))
    with thief(tmp_path) as engine, engine.begin() as connection:
        after = {each.name: connection.execute(select(each)).all() for each in DataTable.metadata.sorted_tables}
    assert before == after
    assert house.storage.revoked.has("token")
    assert house.storage.revoked.forget(house.clock() + timedelta(minutes=14)) == 0
    assert house.storage.revoked.forget(house.clock() + timedelta(minutes=16)) == 1
    assert not house.storage.revoked.has("token")


def test_rows_count_under_the_next_master_key_and_after_the_next_start(house: House) -> None:
    assert house.storage.master_rotation().rotate().replaced
    assert set(house.known().values()) == {True}
    house.storage.close()
    house.storage = open_in(house.home, house.clock)
    assert set(house.known().values()) == {True}


def test_proofs_that_were_blanked_are_not_made_anew_at_the_next_start(house: House, tmp_path: Path) -> None:
    write(tmp_path, update(table("client")).values(proof=None, redirect_uris="https://thief.example/"))
    house.storage.close()
    house.storage = open_in(tmp_path, house.clock)
    assert house.known() == {"client": False, "oauth_grant": True, "api_key": True, "challenge": True}
    assert house.told() == ["client"]


@pytest.mark.files
def test_rows_of_an_earlier_version_are_given_proofs_and_its_revocations_hold(tmp_path: Path, clock: Clock) -> None:
    for part in ("data", "keys"):
        with closing(connect(tmp_path / f"{part}.db")) as database:
            database.executescript((FOLDER / f"d0011-k0004.{part}.sql").read_text())
            if part == "data":
                at = "2026-03-01 11:00:00.000000"
                database.execute(
                    "INSERT INTO client VALUES (?, ?, ?, ?, ?, ?)",
                    ("shop", "default", "Shop", "https://shop.example/", at, None),
                )
                database.execute("INSERT INTO revoked_token VALUES ('given back', '2026-03-01 12:10:00.000000')")
                database.commit()
    for number in range(2):
        with closing(Storage.open(*urls(tmp_path), EnvironmentKey(MASTER_KEY), clock=clock)) as storage:
            assert storage.revoked.has("given back")
            with storage.begin() as work:
                assert (work.clients.get("shop") is not None) is (number == 0)
        write(tmp_path, update(table("client")).values(proof=None))


@pytest.mark.files
@pytest.mark.parametrize("before", [True, False], ids=["from before there were proofs", "blanked by somebody"])
def test_an_archive_put_back_beside_todays_keys(house: House, tmp_path: Path, before: bool) -> None:
    write(tmp_path, update(table("client")).values(proof=None))
    house.clock.advance(hours=-1 if before else 1)
    made = house.storage.backup().create(tmp_path)
    house.storage.close()
    Restore(*urls(tmp_path), KeyFile(tmp_path / "master.key"), house.clock)(made.data, replace=True)
    house.storage = open_in(tmp_path, house.clock)
    with house.storage.begin() as work:
        assert (work.clients.get("shop") is not None) is before
        assert work.grants.by_code(CODE) is not None


def test_the_bytes_are_those_of_the_specification(house: House, tmp_path: Path) -> None:
    secret = house.storage.secret("row proofs")
    client = (
        b'facewarden row 1 ["client",{"client_id":"shop","created_at":"2026-03-01T12:00:00.000000+00:00",'
        b'"name":"Shop","redirect_uris":"https://shop.example/","secret":"' + b"73" * 32 + b'","tenant":"default"}]'
    )
    grant = (
        b'facewarden row 1 ["oauth_grant",{"acr":"photo","challenge":"challenge","client_id":"shop","code":"'
        + b"63" * 32
        + b'","expires_at":"2026-03-01T12:01:00.000000+00:00","nonce":"nonce","redirect_uri":"https://shop.example/",'
        + b'"signed_in_at":"2026-03-01T12:00:00.000000+00:00","user_id":"'
        + house.person.hex.encode()
        + b'"}]'
    )
    for name, message in (("client", client), ("oauth_grant", grant)):
        assert rows(tmp_path, name)[0]["proof"] == hmac.digest(secret, message, "sha256")
