"""Logins with liveness that add to a template: which do, which do not, and that none can walk it away. The head is
scripted (tests/service/scripted_head.py); pictures, vectors, databases and tokens are real."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from db.records import NewTemplate, StoredTemplate
from embeddings.growth import MOST
from service.bootstrap import Application, build
from service.consent import GROWTH, LOGIN
from service.errors import NotRecognised, UnsafeSettings
from service.settings import Settings
from service.workflows.challenges import Purpose
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoggedIn, LoginRequest
from service.workflows.people import By
from tests.db.people import Clock
from tests.portraits import Portraits
from tests.service.test_challenges import HERE, answer, shown

AGREED = frozenset({LOGIN, GROWTH})


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    settings = Settings(home=tmp_path_factory.mktemp("home"), attributes=("none",), template_growth=True)
    built = build(settings, clock)
    yield built
    built.close()


@pytest.fixture
def growing(loaded: Application) -> Application:
    """Nobody is enrolled."""
    loaded.people.erase(list(loaded.people.ids()), by=By.OPERATOR)
    return loaded


def enrol(application: Application, *photos: Path, uses: frozenset[str] = AGREED) -> UUID:
    return application.enrol(EnrolRequest([each.read_bytes() for each in photos], consent=True, uses=uses)).user_id


def log_in(application: Application, photo: Path, claim: UUID | None) -> LoggedIn:
    """With liveness."""
    opened = application.of().challenges.open(Purpose.LOGIN, HERE)
    assert answer(application, opened, photo.read_bytes()).phase == "passed"
    return application.login(LoginRequest([], claim, challenge=shown(opened)))


def rows(application: Application, user_id: UUID) -> list[StoredTemplate]:
    with application.storage.begin() as work:
        return work.templates(user_id)


def grown(application: Application, user_id: UUID) -> list[bool]:
    return [row.grown for row in rows(application, user_id)]


def last_entry(application: Application) -> dict[str, Any]:
    (entry,) = application.storage.audit.last(1)
    return {"kind": entry.kind, **entry.details}


def put(application: Application, clock: Clock, user_id: UUID, vector: np.ndarray[Any, Any]) -> None:
    """A template as a login of that day would have added it."""
    clock.advance(days=2)
    held = rows(application, user_id)
    new = NewTemplate(vector, held[0].model_id, len(held), application.gallery.generation, grown=True)
    with application.storage.begin() as work:
        assert work.renew_templates(user_id, new, beside=len(held))
        work.commit()


@pytest.mark.parametrize("claimed", [True, False])
def test_a_login_with_liveness_adds_its_vector_and_the_next_counts_it(
    growing: Application, clock: Clock, people: Portraits, claimed: bool
) -> None:
    user_id = enrol(growing, people.obama)
    clock.advance(days=2)
    assert log_in(growing, people.obama2, user_id if claimed else None).acr == "live"
    assert grown(growing, user_id) == [False, True]
    told = last_entry(growing)
    assert (told["kind"], told["captures"], told["displaced"]) == ("template_grown", 2, 0)
    template = growing.gallery.index.get(user_id)
    assert template is not None
    assert template.captures == 2
    assert growing.login(LoginRequest([people.obama3.read_bytes()], user_id)).user_id == user_id
    with pytest.raises(NotRecognised):
        growing.login(LoginRequest([people.biden.read_bytes()], user_id))


def nothing(*_: Any) -> None:
    """Is done."""


def same_day(_: Application, clock: Clock, __: UUID) -> None:
    clock.advance(days=-1.5)


def flagged(application: Application, _: Clock, user_id: UUID) -> None:
    with application.storage.begin() as work:
        work.flag(user_id, "look_alike")
        work.commit()


@pytest.mark.parametrize(
    ("uses", "photo", "before"),
    [
        (frozenset({LOGIN}), "obama2", nothing),  # did not agree to it
        (AGREED, "obama", nothing),  # the enrolled picture itself: no other moment
        (AGREED, "obama3", nothing),  # looks up too far: good for a login, not for a template
        (AGREED, "obama2", same_day),
        (AGREED, "obama2", flagged),
    ],
)
def test_a_login_that_is_not_beyond_doubt_adds_nothing(
    growing: Application,
    clock: Clock,
    people: Portraits,
    uses: frozenset[str],
    photo: str,
    before: Callable[[Application, Clock, UUID], None],
) -> None:
    user_id = enrol(growing, people.obama, uses=uses)
    clock.advance(days=2)
    before(growing, clock, user_id)
    log_in(growing, getattr(people, photo), user_id)
    assert grown(growing, user_id) == [False]
    assert last_entry(growing)["kind"] == "login"


def test_pictures_without_liveness_add_nothing(growing: Application, clock: Clock, people: Portraits) -> None:
    user_id = enrol(growing, people.obama)
    clock.advance(days=2)
    growing.login(LoginRequest([people.obama2.read_bytes()], user_id))
    assert grown(growing, user_id) == [False]


def test_a_look_alike_enrolled_stops_growth(growing: Application, clock: Clock, people: Portraits) -> None:
    """Somebody whose template lies where this login does."""
    user_id = enrol(growing, people.obama)
    other = enrol(growing, people.biden)
    near = growing.pipeline.capture(people.obama2.read_bytes()).vector.values
    with growing.storage.begin() as work:
        (row,) = work.templates(other)
        twin = NewTemplate(near, row.model_id, 0, growing.gallery.generation)
        assert work.renew_templates(other, twin, beside=1, anew=True)
        work.commit()
    clock.advance(days=2)
    with pytest.raises(NotRecognised):  # the guard of the login itself
        log_in(growing, people.obama2, user_id)
    assert grown(growing, user_id) == [False]


def test_ten_are_all_the_newest_stay_and_what_was_enrolled_always_does(
    growing: Application, clock: Clock, people: Portraits
) -> None:
    user_id = enrol(growing, people.obama)
    (enrolled,) = rows(growing, user_id)
    random = np.random.default_rng(3)
    for _ in range(MOST - 1):
        noise = random.standard_normal(enrolled.vector.shape)
        vector = enrolled.vector + 0.4 * noise / np.linalg.norm(noise)
        put(growing, clock, user_id, (vector / np.linalg.norm(vector)).astype(np.float32))
    oldest = next(row.template_id for row in rows(growing, user_id) if row.grown)
    clock.advance(days=2)
    log_in(growing, people.obama2, user_id)
    left = rows(growing, user_id)
    assert len(left) == MOST
    assert [row.template_id for row in left if not row.grown] == [enrolled.template_id]
    assert oldest not in {row.template_id for row in left}
    assert left[-1].created_at == growing.storage.now()
    told = last_entry(growing)
    assert (told["kind"], told["captures"], told["displaced"]) == ("template_grown", MOST, 1)


def test_however_a_template_grew_it_opens_to_nobody_far_from_what_was_enrolled(
    growing: Application, clock: Clock, people: Portraits
) -> None:
    user_id = enrol(growing, people.obama)
    stranger = growing.pipeline.capture(people.biden.read_bytes()).vector.values
    for _ in range(3):
        put(growing, clock, user_id, stranger)
    clock.advance(days=2)
    for claim in (user_id, None):
        with pytest.raises(NotRecognised):
            log_in(growing, people.biden, claim)
        assert last_entry(growing)["outcome"] == "grown_away"
        clock.advance(days=1)
    assert grown(growing, user_id) == [False, True, True, True]


def test_ones_own_photos_take_the_room_of_what_logins_added(
    growing: Application, clock: Clock, people: Portraits
) -> None:
    user_id = enrol(growing, people.obama)
    clock.advance(days=2)
    token = log_in(growing, people.obama2, user_id).issued.token
    done = growing.grow.for_bearer(token, [people.obama2.read_bytes()])  # the very moment that the login was of
    assert (done.photos, done.captures) == (2, 2)
    assert grown(growing, user_id) == [False, False]


def test_it_is_told_taken_back_and_erased(growing: Application, clock: Clock, people: Portraits) -> None:
    assert GROWTH in growing.consent.texts
    user_id = enrol(growing, people.obama, uses=AGREED)
    clock.advance(days=2)
    token = log_in(growing, people.obama2, user_id).issued.token
    told = growing.me.export(token)
    assert [template["grown"] for template in told["templates"]] == [False, True]
    assert growing.me.withdraw(token, GROWTH) is None
    assert grown(growing, user_id) == [False]
    assert growing.me.show(token).consent.uses == {LOGIN}
    assert growing.people.storage.sweep() is not None
    clock.advance(days=2)
    log_in(growing, people.obama2, user_id)
    assert grown(growing, user_id) == [False]


def test_what_grew_survives_a_new_master_key_a_new_transform_and_a_restart(
    tmp_path: Path, people: Portraits, clock: Clock
) -> None:
    settings = Settings(home=tmp_path / "home", attributes=("none",), template_growth=True)
    first = build(settings, clock)
    user_id = enrol(first, people.obama)
    clock.advance(days=2)
    log_in(first, people.obama2, user_id)
    assert first.storage.rotate_person(user_id) is not None
    first.storage.transforms().renew()
    first.close()
    second = build(settings, clock)
    try:
        assert grown(second, user_id) == [False, True]
        assert second.login(LoginRequest([people.obama3.read_bytes()], user_id)).user_id == user_id
    finally:
        second.close()


def test_it_is_off_by_default_and_asks_for_a_sentence_of_consent(tmp_path: Path) -> None:
    assert not Settings(home=tmp_path).template_growth
    file = tmp_path / "consent.toml"
    file.write_text('version = "7"\nlogin = "Yes."\ngrowth = "Learn."\n')
    plain = build(Settings(home=tmp_path / "home", consent_file=file))
    assert plain.consent.texts.keys() == {LOGIN}  # not on offer without the setting
    plain.close()
    file.write_text('version = "7"\nlogin = "Yes."\n')
    with pytest.raises(UnsafeSettings, match="growth"):
        build(Settings(home=tmp_path / "home", consent_file=file, template_growth=True))
