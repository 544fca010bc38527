"""Lines of the ledger that were changed, removed or exchanged show against the audit log."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from db.records import Consent, NewTemplate
from db.storage import Storage
from tests.db.damage import raw, swap
from tests.db.people import MODEL, vector

TEXTS = ("0" * 64, "1" * 64)


def agree(storage: Storage, digest: str, *uses: str) -> UUID:
    user_id = uuid4()
    consent = Consent(storage.now(), "1", digest, frozenset(uses))
    templates = [NewTemplate(vector(0), MODEL, 0)]
    with storage.begin() as work:
        work.add_person(user_id, templates=templates, attributes=None, metadata=None, consent=consent, flagged=False)
        work.note("enrolled", user_id, consent="1", consent_digest=digest, uses=",".join(sorted(uses)))
        work.commit()
    return user_id


def withdraw(storage: Storage, user_id: UUID, use: str) -> None:
    with storage.begin() as work:
        before = work.consents(user_id)[-1]
        work.add_consent(user_id, Consent(storage.now(), before.version, before.digest, before.uses - {use}))
        work.note("consent_withdrawn", user_id, use=use)
        work.commit()


def agree_again(storage: Storage, user_id: UUID, digest: str, *uses: str) -> None:
    with storage.begin() as work:
        work.add_consent(user_id, Consent(storage.now(), "2", digest, frozenset(uses)))
        work.note("consent_given", user_id, consent="2", consent_digest=digest, uses=",".join(sorted(uses)))
        work.commit()


@pytest.fixture
def people(storage: Storage) -> tuple[UUID, UUID, UUID]:
    one, other = (agree(storage, text, "login", "attributes", "overlays") for text in TEXTS)
    third = agree(storage, TEXTS[0], "login", "overlays")
    withdraw(storage, third, "overlays")
    return one, other, third


def test_what_was_agreed_to_and_withdrawn_is_in_order(storage: Storage, people: tuple[UUID, UUID, UUID]) -> None:
    assert storage.contradicted_consents() == set()
    agree_again(storage, people[2], TEXTS[1], "login", "overlays")
    withdraw(storage, people[2], "overlays")
    assert storage.contradicted_consents() == set()
    storage.erase([people[0]])
    assert storage.contradicted_consents() == set()


@pytest.mark.files
def test_lines_exchanged_between_two_people_show(
    storage: Storage, people: tuple[UUID, UUID, UUID], tmp_path: Path
) -> None:
    one, other, _ = people
    swap(tmp_path / "data.db", "consent", "at, version, digest, uses", one, other)
    assert storage.contradicted_consents() == {one, other}
    assert storage.audit.verify()[1] == []


@pytest.mark.files
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consent SET uses = 'attributes,login,overlays' WHERE user_id = ?",
        "UPDATE consent SET version = '2' WHERE user_id = ?",
        "DELETE FROM consent WHERE user_id = ?",
        "DELETE FROM consent WHERE user_id = ? AND uses = 'login'",
    ],
)
def test_a_line_changed_or_removed_shows(
    storage: Storage, people: tuple[UUID, UUID, UUID], tmp_path: Path, change: str
) -> None:
    with raw(tmp_path / "data.db") as database:
        assert database.execute(change, (people[2].hex,)).rowcount
    assert storage.contradicted_consents() == {people[2]}
