"""What people agree to: asked for in one place, kept with them, taken back as easily."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.bootstrap import Application, build
from service.cli.main import application as command_line
from service.consent import ATTRIBUTES, GROWTH, LOGIN, OVERLAYS, consent_text
from service.errors import (
    ConsentOutdated,
    ConsentRequired,
    TokenInvalid,
    TokenNotFresh,
    UnsafeSettings,
    UseNotOffered,
)
from service.receipts import verify
from service.settings import Settings
from service.tokens import FRESH
from service.workflows.enrol import Enrolled, EnrolRequest
from service.workflows.login import LoginRequest
from tests.db.damage import swap
from tests.db.people import Clock
from tests.portraits import portraits


def enrol(application: Application, **more: object) -> Enrolled:
    request = {"images": [portraits().obama.read_bytes()], "consent": True, **more}
    return application.enrol(EnrolRequest(**request))  # type: ignore[arg-type]


def token(application: Application) -> str:
    return application.login(LoginRequest([portraits().obama3.read_bytes()])).issued.token


def test_the_built_in_text_names_what_is_kept() -> None:
    text = consent_text(("age", "emotion"), None)
    assert "age and emotion" in text.texts[ATTRIBUTES]
    assert "gender" not in text.texts[ATTRIBUTES]
    assert consent_text((), None).texts.keys() == {LOGIN, OVERLAYS}
    assert text.digest != consent_text((), None).digest


def test_the_digest_is_that_of_the_lines(tmp_path: Path) -> None:
    file = tmp_path / "consent.toml"
    file.write_text('version = "7"\nlogin = "Yes, recognise me."\noverlays = "Draw on me."\n')
    text = consent_text(("age",), file)
    assert text.version == "7"
    # printf 'login: Yes, recognise me.\noverlays: Draw on me.' | sha256sum
    assert text.digest == "c08ecc2e3ac4da6088e8286da933c334f09463278d43fc32bab800802f59e18d"


@pytest.mark.parametrize(
    "content", ['version = "1"', 'login = "x"', 'version = "1"\nlogin = 3', 'version="1"\nlogin="x"\nmore="y"', "["]
)
def test_a_file_that_will_not_do_stops_the_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "consent.toml"
    file.write_text(content)
    with pytest.raises(UnsafeSettings):
        consent_text((), file)
    with pytest.raises(UnsafeSettings):
        consent_text((), tmp_path / "nowhere.toml")


def test_who_when_which_text_and_which_uses_are_kept_and_the_log_has_them_too(application: Application) -> None:
    person = enrol(application, consent_digest=application.consent.digest, uses=frozenset({LOGIN, OVERLAYS}))
    assert person.attributes == {}
    with application.storage.begin() as work:
        (line,) = work.consents(person.user_id)
    assert (line.version, line.digest, line.uses) == ("1", application.consent.digest, frozenset({LOGIN, OVERLAYS}))
    (entry,) = application.storage.audit.entries()
    assert entry.kind == "enrolled"
    assert entry.details["consent_digest"] == application.consent.digest
    assert entry.details["uses"] == "login,overlays"


def test_another_text_than_the_present_one_and_no_login_are_no_consent(application: Application) -> None:
    with pytest.raises(ConsentOutdated):
        enrol(application, consent_digest="0" * 64)
    with pytest.raises(ConsentRequired):
        enrol(application, uses=frozenset({ATTRIBUTES}))
    assert application.people.count() == 0


def test_taking_back_the_attributes_erases_them_and_nothing_else(application: Application) -> None:
    person = enrol(application)
    assert person.attributes.keys() == {"age", "gender", "emotion"}
    assert application.me.withdraw(token(application), ATTRIBUTES) is None
    shown = application.me.show(token(application))
    assert shown.person.attributes is None
    assert shown.consent.uses == {LOGIN}
    assert application.login(LoginRequest([portraits().obama3.read_bytes()])).emotion is None


def test_more_is_agreed_to_later_and_what_is_left_out_is_taken_back(application: Application) -> None:
    person, digest = enrol(application), application.consent.digest
    bearer = token(application)
    everything = frozenset({LOGIN, ATTRIBUTES, OVERLAYS})
    assert application.me.agree(bearer, everything, digest) == everything
    shown = application.me.show(bearer)
    assert (shown.consent.uses, shown.consent.digest) == (everything, digest)
    assert shown.person.attributes is not None
    assert application.me.agree(bearer, frozenset({LOGIN}), digest) == {LOGIN}
    assert application.me.show(bearer).person.attributes is None
    with application.storage.begin() as work:
        assert [line.uses for line in work.consents(person.user_id)] == [{LOGIN, ATTRIBUTES}, everything, {LOGIN}]
    entries = [entry for entry in application.storage.audit.entries() if entry.kind == "consent_given"]
    assert [entry.details["uses"] for entry in entries] == ["attributes,login,overlays", "login"]
    assert application.storage.contradicted_consents() == set()


@pytest.mark.parametrize(
    ("uses", "digest", "error"),
    [
        ({OVERLAYS}, "", ConsentRequired),
        ({LOGIN, OVERLAYS}, "0" * 64, ConsentOutdated),
        ({LOGIN, GROWTH}, "", UseNotOffered),  # not on offer in this installation
        ({LOGIN, ATTRIBUTES}, "", UseNotOffered),  # there is no picture to read them from
    ],
)
def test_what_cannot_be_agreed_to_later(
    application: Application, uses: set[str], digest: str, error: type[Exception]
) -> None:
    enrol(application, uses=frozenset({LOGIN}))
    bearer = token(application)
    with pytest.raises(error):
        application.me.agree(bearer, frozenset(uses), digest or application.consent.digest)
    assert application.me.show(bearer).consent.uses == {LOGIN}


def test_only_a_fresh_login_agrees_to_more(tmp_path: Path) -> None:
    clock = Clock()
    application = build(Settings(home=tmp_path / "home", attributes=("none",)), now=clock)
    try:
        enrol(application)
        bearer = token(application)
        clock.now += FRESH + timedelta(seconds=1)
        with pytest.raises(TokenNotFresh):
            application.me.agree(bearer, frozenset({LOGIN, OVERLAYS}), application.consent.digest)
    finally:
        application.close()


def test_taking_back_the_login_erases_everything(application: Application) -> None:
    person = enrol(application)
    bearer = token(application)
    done = application.me.withdraw(bearer, LOGIN)
    assert done is not None
    assert done.erased == 1
    with pytest.raises(TokenInvalid):
        application.me.show(bearer)
    last = list(application.storage.audit.entries())[-1]
    assert last.details == {"by": "self", "reason": "consent withdrawn", "templates": 1, "keys": 1}
    told = verify(done.receipt.model_dump_json().encode(), application.me.receipts.key.public)
    assert [(each.user_id, each.code) for each in told.erased] == [(str(person.user_id), last.code.hex())]


def test_an_export_holds_everything_and_is_noted(tmp_path: Path) -> None:
    application = build(Settings(home=tmp_path / "home"), now=Clock())
    person = enrol(application, label="monday")
    told = application.me.export(token(application))
    application.close()
    assert told["user_id"] == str(person.user_id)
    assert told["metadata"] == {"label": "monday"}
    assert told["attributes"] == person.attributes
    assert [len(template["vector"]) for template in told["templates"]] == [4 * 1152 // 3 * 4]
    assert told["consents"][0]["uses"] == ["attributes", "login"]
    assert [line["kind"] for line in told["log"]] == ["enrolled", "login", "exported"]


@pytest.mark.files
def test_the_log_tells_of_the_same_consents_and_an_exchange_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, verify = tmp_path / "home", ["audit", "verify", "--json"]
    application = build(Settings(home=home, allow_duplicates=True))
    one = enrol(application).user_id
    application.me.withdraw(token(application), ATTRIBUTES)
    other = enrol(application, uses=frozenset({LOGIN, OVERLAYS})).user_id
    application.close()
    for name in [name for name in os.environ if name.startswith("FACEWARDEN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACEWARDEN_HOME", str(home))
    whole = CliRunner().invoke(command_line, verify)
    assert (whole.exit_code, json.loads(whole.output)["consents"]) == (0, [])
    swap(home / "facewarden.db", "consent", "at, version, digest, uses", one, other)
    exchanged = CliRunner().invoke(command_line, verify)
    assert exchanged.exit_code == 1
    assert json.loads(exchanged.output)["consents"] == sorted([str(one), str(other)])
    assert CliRunner().invoke(command_line, verify[:2]).output.count("consent: ") == 2
