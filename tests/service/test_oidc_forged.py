"""OpenID Connect, where somebody writes into the data file without the key store: nobody signs in as somebody else."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine, create_engine, insert, select, update

from db.api_keys import Role
from db.tables import ClientRow, DataTable, GrantRow
from tests.service.api_keys import key
from tests.service.oidc import House, active, asked, exchange, send, signed_in

CLIENT: Final = DataTable.metadata.tables[str(ClientRow.__tablename__)]
GRANT: Final = DataTable.metadata.tables[str(GrantRow.__tablename__)]


@contextmanager
def data(house: House) -> Iterator[Engine]:
    engine = create_engine(house.application.settings.data_url)
    yield engine
    engine.dispose()


def granted(house: House, code: str) -> dict[str, Any]:
    with data(house) as engine, engine.begin() as connection:
        which = GRANT.c.code == hashlib.sha256(code.encode()).digest()
        return dict(connection.execute(select(GRANT).where(which)).mappings().one())


def refusals(house: House) -> list[object]:
    return [
        entry.details["table"] for entry in house.application.storage.audit.entries() if entry.kind == "row_refused"
    ]


@pytest.mark.parametrize(
    "change", [{}, {"proof": None}, {"proof": b"x" * 32}], ids=["proof of before", "no proof", "another proof"]
)
def test_a_code_made_somebody_elses_is_worth_nothing(house: House, change: dict[str, bytes | None]) -> None:
    thief, victim = house.person(), house.person()
    code, before = signed_in(house, thief)["code"], len(refusals(house))
    digest = hashlib.sha256(code.encode()).digest()
    with data(house) as engine, engine.begin() as connection:
        connection.execute(update(GRANT).where(GRANT.c.code == digest).values(user_id=victim, **change))
    assert exchange(house, code)[1]["error"] == "invalid_grant"
    assert refusals(house)[before:] == ["oauth_grant"]


def test_a_token_made_up_or_made_to_last_or_made_somebody_elses_opens_nothing(house: House) -> None:
    thief, victim = house.person(), house.person()
    code = signed_in(house, thief)["code"]
    token = exchange(house, code)[1]["access_token"]
    assert active(house, token)
    row, made_up = granted(house, code), "a token of the thief's own"

    def tried(values: dict[str, Any], shown: str) -> None:
        with data(house) as engine, engine.begin() as connection:
            connection.execute(update(GRANT).where(GRANT.c.code == row["code"]).values({**row, **values}))
        assert not active(house, shown)
        assert send(house, "GET", "/oauth/userinfo", f"Bearer {shown}").status == 401

    tried({"user_id": victim}, token)
    tried({"expires_at": row["expires_at"] + timedelta(days=1)}, token)
    tried({"client_id": house.stranger.client_id}, token)
    tried({"token": hashlib.sha256(made_up.encode()).digest()}, made_up)
    with data(house) as engine, engine.begin() as connection:
        connection.execute(update(GRANT).where(GRANT.c.code == row["code"]).values(row))
        more = {"code": b"x" * 32, "user_id": victim, "token": hashlib.sha256(made_up.encode()).digest()}
        connection.execute(insert(GRANT).values({**row, **more}))
    assert not active(house, made_up)
    assert active(house, token)


def test_people_are_sent_to_no_address_and_no_application_that_was_written_into_the_file(house: House) -> None:
    place, before = "https://thief.example/back", len(refusals(house))
    with data(house) as engine, engine.begin() as connection:
        own = CLIENT.c.client_id == house.neighbour.client_id
        row = dict(connection.execute(select(CLIENT).where(own)).mappings().one())
        connection.execute(update(CLIENT).where(own).values(redirect_uris=place))
        connection.execute(insert(CLIENT).values({**row, "client_id": "thief", "redirect_uris": place}))
    for client_id in (house.neighbour.client_id, "thief"):
        request = urlencode(asked(house, client_id=client_id, redirect_uri=place))
        answer = send(house, "GET", f"/oauth/authorize?{request}")
        assert (answer.status, answer.headers.get("location")) == (400, None)
        decided = send(house, "POST", f"/oauth/decline?{request}")
        assert (decided.status, json.loads(decided.body)["error"]) == (400, "invalid_client")
    with data(house) as engine, engine.begin() as connection:
        connection.execute(update(CLIENT).where(own).values(row))
    assert refusals(house)[before:] == ["client", "client"]
    assert "code" in signed_in(
        house, house.person(), client_id=house.neighbour.client_id, redirect_uri="https://app.example/other"
    )


def test_a_code_that_was_taken_back_stays_so_when_its_row_is_put_back(house: House) -> None:
    code = signed_in(house, house.person())["code"]
    token = exchange(house, code)[1]["access_token"]
    row = granted(house, code)
    assert exchange(house, code)[1]["error"] == "invalid_grant"
    with data(house) as engine, engine.begin() as connection:
        connection.execute(insert(GRANT).values(row))
    assert not active(house, token)
    assert exchange(house, code)[1]["error"] == "invalid_grant"


def test_the_figures_count_what_was_refused(house: House) -> None:
    auditor = key(house.application.storage, Role.AUDITOR)

    def figure() -> float:
        answer = send(house, "GET", "/metrics", f"Bearer {auditor}")
        found = [line.split()[1] for line in answer.body.decode().splitlines() if "rows_refused_total " in line]
        return float(found[-1])

    before, code = figure(), signed_in(house, house.person())["code"]
    with data(house) as engine, engine.begin() as connection:
        its = GRANT.c.code == hashlib.sha256(code.encode()).digest()
        connection.execute(update(GRANT).where(its).values(acr="live"))
    assert exchange(house, code)[1]["error"] == "invalid_grant"
    assert figure() > before
