"""The second factor and recovery: by themselves, and around a real login."""

from pathlib import Path
from uuid import uuid4

import pytest

from service import factor
from service.bootstrap import Application, build
from service.errors import NotRecognised, PassphraseRequired, PassphraseTooShort, Stopped, TokenInvalid, TokenNotFresh
from service.settings import Settings
from service.tokens import ACR_PHOTO, ACR_PHOTO_AND_PASSPHRASE, ACR_RECOVERY
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoggedIn, LoginRequest
from tests.db.people import Clock
from tests.portraits import portraits

WORDS = "correct horse"


def enrol(application: Application, passphrase: str | None = WORDS) -> Enrolled:
    return application.enrol(EnrolRequest([portraits().obama.read_bytes()], consent=True, passphrase=passphrase))


def login(application: Application, passphrase: str | None, *, claim: object = None, right: bool = True) -> LoggedIn:
    face = portraits().obama3 if right else portraits().biden
    return application.login(LoginRequest([face.read_bytes()], claim, passphrase=passphrase))  # type: ignore[arg-type]


def test_a_passphrase_matches_itself_however_it_was_typed() -> None:
    kept = factor.hashed("Füße1234")
    assert str(kept["argon2id"]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert factor.matches(kept, "Füße1234")
    assert factor.matches(kept, "Fu\u0308ße1234")
    for wrong in ("füße1234", "Füße123", "", None):
        assert not factor.matches(kept, wrong)
    assert not factor.matches(None, "Füße1234")
    assert factor.hashed("Füße1234") != kept


def test_a_short_one_is_refused() -> None:
    with pytest.raises(PassphraseTooShort):
        factor.hashed("1234567")


def test_a_recovery_code_may_be_typed_carelessly() -> None:
    code = factor.recovery_code()
    kept = factor.digest_of(code)
    assert factor.same_code(kept, code.lower().replace("-", " "))
    assert not factor.same_code(kept, code[:-1])
    assert not factor.same_code("", code)
    assert len(code.replace("-", "")) == 30


@pytest.mark.parametrize("claimed", [False, True], ids=["1:N", "1:1"])
def test_who_has_one_needs_it_and_the_face(application: Application, claimed: bool) -> None:
    claim = enrol(application).user_id if claimed else (enrol(application), None)[1]
    for passphrase, right in ((None, True), ("wrong horse", True), (WORDS, False)):
        with pytest.raises(NotRecognised):
            login(application, passphrase, claim=claim, right=right)
    session = login(application, WORDS, claim=claim)
    assert session.acr == ACR_PHOTO_AND_PASSPHRASE
    outcomes = [entry.details["outcome"] for entry in application.storage.audit.entries() if entry.kind == "login"]
    assert outcomes == ["second_factor", "second_factor", "unknown", "accepted"]


def test_who_has_none_is_let_in_by_face_whatever_is_typed(application: Application) -> None:
    enrol(application, None)
    assert login(application, None).acr == ACR_PHOTO
    assert login(application, "anything").acr == ACR_PHOTO


def test_after_too_many_failures_face_and_passphrase_still_open(tmp_path: Path) -> None:
    clock = Clock()
    application = build(Settings(home=tmp_path / "home", most_failures=10), now=clock)
    user_id = enrol(application).user_id
    for _ in range(10):
        with pytest.raises(NotRecognised):
            login(application, None, claim=user_id, right=False)
        clock.advance(hours=1)
    with pytest.raises(Stopped):
        login(application, None, claim=user_id)
    with pytest.raises(NotRecognised):
        login(application, "wrong horse", claim=user_id)
    clock.advance(hours=1)
    assert login(application, WORDS, claim=user_id).acr == ACR_PHOTO_AND_PASSPHRASE
    application.close()


def test_after_too_many_failures_made_up_words_open_nothing_where_there_is_no_passphrase(tmp_path: Path) -> None:
    clock = Clock()
    application = build(Settings(home=tmp_path / "home", most_failures=10), now=clock)
    user_id = enrol(application, None).user_id
    for _ in range(10):
        with pytest.raises(NotRecognised):
            login(application, None, claim=user_id, right=False)
        clock.advance(hours=1)
    with pytest.raises(NotRecognised):
        login(application, "made up", claim=user_id)
    application.close()


def test_it_can_be_required(tmp_path: Path) -> None:
    application = build(Settings(home=tmp_path / "home", second_factor="required"))
    with pytest.raises(PassphraseRequired):
        enrol(application, None)
    enrol(application)
    with pytest.raises(PassphraseRequired):
        application.me.choose_passphrase(login(application, WORDS).issued.token, None)
    application.close()


def test_it_is_changed_after_a_fresh_login_only(tmp_path: Path) -> None:
    clock = Clock()
    application = build(Settings(home=tmp_path / "home"), now=clock)
    enrol(application)
    token = login(application, WORDS).issued.token
    application.me.choose_passphrase(token, "battery staple")
    with pytest.raises(NotRecognised):
        login(application, WORDS)
    assert application.me.show(token).passphrase
    clock.advance(minutes=5)
    for passphrase in ("another one", None):
        with pytest.raises(TokenNotFresh):
            application.me.choose_passphrase(token, passphrase)
    application.me.choose_passphrase(login(application, "battery staple").issued.token, None)
    assert login(application, None).acr == ACR_PHOTO
    kinds = [entry.kind for entry in application.storage.audit.entries()]
    assert kinds.count("factor_changed") == 2
    application.close()


def test_a_recovery_code_opens_once_and_gives_the_next(application: Application) -> None:
    enrolled = enrol(application)
    recovered = application.recover(enrolled.user_id, enrolled.recovery_code, None)
    shown = application.me.show(recovered.issued.token)
    assert shown.person.user_id == enrolled.user_id
    assert shown.acr == ACR_RECOVERY
    for user_id, code in ((enrolled.user_id, enrolled.recovery_code), (uuid4(), recovered.recovery_code)):
        with pytest.raises(NotRecognised):
            application.recover(user_id, code, None)
    renewed = application.me.renew_recovery_code(recovered.issued.token)
    with pytest.raises(NotRecognised):
        application.recover(enrolled.user_id, recovered.recovery_code, None)
    application.me.erase(application.recover(enrolled.user_id, renewed, None).issued.token)
    with pytest.raises(TokenInvalid):
        application.me.show(recovered.issued.token)
