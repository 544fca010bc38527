"""People as operators see them: page by page, found, erased with a preview, flagged."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from db.api_keys import Role
from db.storage import Storage
from db.tables import PersonRow
from service.bootstrap import Application
from tests.db.people import Clock
from tests.service.api_keys import keys_in
from tests.service.oversight.desk import PEOPLE, START, damage, enrol, ids, told


def test_people_come_page_by_page_the_last_enrolled_first(storage: Storage, ask: Any) -> None:
    enrolled = [str(enrol(storage, seed)) for seed in range(5)]
    first, second = told(ask("GET", f"{PEOPLE}?limit=3")), told(ask("GET", f"{PEOPLE}?limit=3&offset=3"))
    assert first["total"] == second["total"] == 5
    assert ids(first) + ids(second) == enrolled[::-1]
    assert told(ask("GET", f"{PEOPLE}?offset=5"))["people"] == []
    assert ask("GET", f"{PEOPLE}?limit=201").code == "invalid_field"


def test_the_flagged_and_the_unreadable_are_found_and_shown(storage: Storage, ask: Any) -> None:
    enrol(storage, 1)
    flagged, broken = enrol(storage, 2, flag_reason="look_alike"), enrol(storage, 3)
    damage(storage, broken)
    (one,) = told(ask("GET", f"{PEOPLE}?which=flagged"))["people"]
    assert (one["user_id"], one["flag_reason"]) == (str(flagged), "look_alike")
    page = told(ask("GET", f"{PEOPLE}?which=unreadable"))
    assert (page["total"], ids(page)) == (1, [str(broken)])
    overview = told(ask("GET", f"{PEOPLE}/{broken}"))
    assert (overview["readable"], overview["passphrase"], overview["attributes"]) == (False, None, None)


def test_nothing_is_told_that_only_they_may_see(storage: Storage, ask: Any) -> None:
    user_id = enrol(storage, 1)
    answers = [ask("GET", PEOPLE), ask("GET", f"{PEOPLE}/{user_id}"), ask("POST", f"{PEOPLE}/find", reference="ref-1")]
    for answer in answers:
        assert str(user_id) in answer.body.decode()
        for private in (b"nobody's-business", b"ref-1", b"vector", b"sealed"):
            assert private not in answer.body
    assert told(answers[1])["attributes"] == {"age": {"value": 40.0, "low": 36.0, "high": 44.0}}
    assert told(answers[1])["uses"] == ["attributes", "login"]


def test_a_reference_finds_its_holder_and_a_tenants_people_are_its_own(
    served: Application, storage: Storage, ask: Any
) -> None:
    user_id, acme = enrol(storage, 7), keys_in(served.storage.of("acme"))[Role.ADMIN]
    assert told(ask("POST", f"{PEOPLE}/find", reference=" ref-7 "))["user_id"] == str(user_id)
    for reference in ("ref-8", "", None):
        assert ask("POST", f"{PEOPLE}/find", reference=reference).code in {"unknown_user", "invalid_field"}
    assert ask("POST", f"{PEOPLE}/find", key=acme, reference="ref-7").code == "unknown_user"
    assert ask("GET", f"{PEOPLE}/{user_id}", key=acme).code == "unknown_user"
    assert told(ask("GET", PEOPLE, key=acme)) == {"total": 0, "people": []}
    assert told(ask("POST", f"{PEOPLE}/erase", key=acme, user_id=str(user_id), preview=True))["people"] == 0
    assert told(ask("POST", f"{PEOPLE}/erase", key=acme, user_id=str(user_id), confirm=0))["erased"] == 0
    assert served.people.count() == 1


def test_a_reference_that_was_moved_in_the_data_file_leads_to_nobody_else(storage: Storage, ask: Any) -> None:
    one, other = enrol(storage, 1), enrol(storage, 2)
    whose = col(PersonRow.user_id)
    with storage._data.begin() as connection:
        moved = connection.scalar(select(col(PersonRow.reference)).where(whose == one))
        connection.execute(update(PersonRow).where(whose == one).values(reference=None))
        connection.execute(update(PersonRow).where(whose == other).values(reference=moved))
    for reference in ("ref-1", "ref-2"):
        assert ask("POST", f"{PEOPLE}/find", reference=reference).code == "unknown_user"


def test_failed_logins_are_shown_until_they_are_forgiven(served: Application, storage: Storage, ask: Any) -> None:
    user_id, lockout = enrol(storage, 1), served.administer.lockout
    for _ in range(lockout.limits.free):
        with storage.begin() as work:
            lockout.failed(work, lockout.attempt(user_id, None))
            work.commit()
    overview = told(ask("GET", f"{PEOPLE}/{user_id}"))
    assert (overview["failures"], overview["wait_seconds"]) == (lockout.limits.free, 30)
    told(ask("POST", "/v1/admin/unlock", user_id=str(user_id)))
    assert told(ask("GET", f"{PEOPLE}/{user_id}"))["failures"] == 0


def test_a_preview_erases_nobody_and_only_the_right_number_does(
    served: Application, storage: Storage, ask: Any, keys: Mapping[Role, str]
) -> None:
    some, nobody = [str(enrol(storage, seed)) for seed in range(4)], str(uuid4())
    chosen = {"user_id": [*some[:3], nobody]}
    preview = told(ask("POST", f"{PEOPLE}/erase", **chosen, preview=True))
    assert (preview["people"], preview["erased"], preview["receipt"]) == (3, 0, None)
    assert (set(preview["user_ids"]), preview["not_found"]) == (set(some[:3]), [nobody])
    wrong = ask("POST", f"{PEOPLE}/erase", **chosen, confirm=4)
    assert (wrong.status, wrong.code) == (409, "not_confirmed")
    assert ask("POST", f"{PEOPLE}/erase", **chosen).code == "invalid_field"
    assert served.people.count() == 4
    done = told(ask("POST", f"{PEOPLE}/erase", **chosen, confirm=3))
    assert (done["erased"], {each["user_id"] for each in done["receipt"]["erased"]}) == (3, set(some[:3]))
    assert ids(told(ask("GET", PEOPLE))) == some[3:]
    entry = told(ask("GET", "/v1/admin/audit?newest=true&limit=1"))["entries"][0]
    assert (entry["kind"], entry["details"]["key"]) == ("erased", keys[Role.ADMIN][:11])


@pytest.mark.parametrize("fields", [{}, {"user_id": []}, {"unseen_days": 0}, {"user_id": "x"}, {"user_id": ""}])
def test_nothing_ever_means_everybody(served: Application, storage: Storage, ask: Any, fields: Any) -> None:
    enrol(storage, 1)
    for more in ({"preview": True}, {"confirm": 1}):
        assert ask("POST", f"{PEOPLE}/erase", **fields, **more).code == "invalid_field"
    both = ask("POST", f"{PEOPLE}/erase", user_id=str(uuid4()), unseen_days=1, confirm=1)
    assert both.code == "invalid_field"
    assert served.people.count() == 1


def test_who_was_not_seen_for_long_is_erased_at_once(storage: Storage, ask: Any, clock: Clock) -> None:
    idle, seen = enrol(storage, 1), enrol(storage, 2)
    clock.advance(days=200)
    newcomer = enrol(storage, 3)
    with storage.begin() as work:
        work.logged_in(seen)
        work.commit()
    preview = told(ask("POST", f"{PEOPLE}/erase", unseen_days=180, preview=True))
    assert preview["user_ids"] == [str(idle)]
    assert told(ask("POST", f"{PEOPLE}/erase", unseen_days=180, confirm=1))["erased"] == 1
    assert ids(told(ask("GET", PEOPLE))) == [str(newcomer), str(seen)]


def test_a_flag_is_cleared_once_and_stands_in_the_log(storage: Storage, ask: Any, keys: Mapping[Role, str]) -> None:
    flagged, plain = enrol(storage, 1, flag_reason="look_alike"), enrol(storage, 2)
    acme = keys_in(storage.of("acme"))[Role.ADMIN]
    path, before = f"{PEOPLE}/{flagged}/flag", storage.audit.length()
    assert ask("DELETE", path, role=Role.AUDITOR).code == "role_required"
    assert ask("DELETE", path, key=acme).code == "unknown_user"
    assert ask("DELETE", f"{PEOPLE}/{uuid4()}/flag").code == "unknown_user"
    assert told(ask("GET", f"{PEOPLE}?which=flagged"))["total"] == 1
    for _ in range(2):
        one = told(ask("DELETE", path))
        assert (one["user_id"], one["flagged"], one["flag_reason"]) == (str(flagged), False, None)
    assert not told(ask("DELETE", f"{PEOPLE}/{plain}/flag"))["flagged"]
    assert told(ask("GET", f"{PEOPLE}?which=flagged"))["total"] == 0
    (entry,) = storage.audit.entries(before)
    assert (entry.kind, entry.person) == ("flag_cleared", storage.audit.pseudonym(flagged))
    assert entry.details == {"by": "operator", "reason": "look_alike", "key": keys[Role.ADMIN][:11]}
    with storage.begin() as work:
        work.flag(flagged, "not_compared")
        work.commit()
    assert told(ask("GET", f"{PEOPLE}/{flagged}"))["flag_reason"] == "not_compared"


def test_moments_are_told_with_their_zone(storage: Storage, ask: Any) -> None:
    enrol(storage, 1)
    (person,) = told(ask("GET", PEOPLE))["people"]
    assert datetime.fromisoformat(person["enrolled_at"]) == START
