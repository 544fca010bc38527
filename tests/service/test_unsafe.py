"""What does not start, and what `facewarden config` says."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.bootstrap import build
from service.certificate import LOCAL_NAMES, local_certificate
from service.cli.main import application
from service.databases import open_storage
from service.errors import UnsafeSettings
from service.settings import Settings, read
from service.unsafe import dangers, refuse_unsafe, warnings
from tests.story.server import free_port

FILES = (
    "facewarden.db",
    "facewarden.db-wal",
    "keys.db",
    "master.key",
    "master.key.next",
    "tls/ca.key",
    "tls/server.key",
)


def at(home: Path, **more: Any) -> Settings:
    return Settings(home=home, **more)


# Where it listens


def test_a_public_address_without_tls_is_refused_and_what_helps_is_named(home: Path) -> None:
    with pytest.raises(UnsafeSettings, match=r"TLS_CERT.*HTTPS=true.*BEHIND_PROXY=true"):
        refuse_unsafe(at(home, host="0.0.0.0"))
    refuse_unsafe(at(home))
    refuse_unsafe(at(home, host="0.0.0.0", https=True))
    refuse_unsafe(at(home, host="0.0.0.0", tls_cert="cert.pem", tls_key="key.pem"))
    refuse_unsafe(at(home, host="0.0.0.0", behind_proxy=True, trusted_proxies="172.28.0.1"))


def test_behind_a_proxy_loopback_is_public(home: Path) -> None:
    proxied = {"behind_proxy": True, "trusted_proxies": "127.0.0.1"}
    with pytest.raises(UnsafeSettings, match="no admin key"):
        build(at(home, **proxied))
    with pytest.raises(UnsafeSettings, match="OPEN_ENROLMENT"):
        read({}, home=home, open_enrolment=True, **proxied)
    assert at(home).enrolment_is_open
    assert not at(home, **proxied).enrolment_is_open


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"behind_proxy": True}, "BEHIND_PROXY needs FACEWARDEN_TRUSTED_PROXIES"),
        ({"tls_cert": "cert.pem"}, "go together"),
        ({"tls_key": "key.pem"}, "go together"),
        ({"tls_cert": "cert.pem", "tls_key": "key.pem", "https": True}, "unset it"),
        ({"trusted_proxies": "*"}, "addresses or networks"),
        ({"trusted_proxies": "proxy.example.org"}, "addresses or networks"),
        ({"trusted_proxies": "10.0.0.5/24"}, "addresses or networks"),
        ({"trusted_proxies": "10.0.0.5, 0.0.0.0/0"}, "trusts everybody"),
        ({"trusted_proxies": "::/0"}, "trusts everybody"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(home: Path, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(UnsafeSettings, match=told):
        read({}, home=home, **wrong)


# Who may read what is kept


@pytest.fixture
def filled(home: Path) -> Path:
    """A home with every file that holds a secret."""
    open_storage(Settings(home=home)).close()
    local_certificate(home / "tls", LOCAL_NAMES)
    for name in FILES:
        (home / name).touch(0o600)
        (home / name).chmod(0o600)
    assert list(dangers(Settings(home=home))) == []
    return home


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.files
def test_a_file_that_others_may_read_or_change_is_refused(filled: Path, name: str, mode: int) -> None:
    (filled / name).chmod(mode)
    assert list(dangers(Settings(home=filled))) == [f"{filled / name} may be read by others: chmod 600 it"]


@pytest.mark.parametrize(
    ("mode", "refused"), [(0o755, True), (0o750, True), (0o730, True), (0o711, False), (0o700, False)]
)
def test_a_home_that_others_may_look_into_or_change_is_refused(filled: Path, mode: int, refused: bool) -> None:
    filled.chmod(mode)
    told = [f"the folder {filled} is open to others: chmod 700 it"] if refused else []
    assert list(dangers(Settings(home=filled))) == told


def test_databases_and_keys_elsewhere_are_looked_at_too(tmp_path: Path, home: Path) -> None:
    database, key, certificate = tmp_path / "people.db", tmp_path / "site.key", tmp_path / "site.pem"
    for path in (database, key):
        path.touch()
        path.chmod(0o644)
    settings = at(home, database_url=f"sqlite:///{database}", tls_cert=certificate, tls_key=key)
    assert [each.split()[0] for each in dangers(settings)] == [str(database), str(key)]


def test_the_service_does_not_start_and_says_why(filled: Path) -> None:
    (filled / "master.key").chmod(0o644)
    command = [sys.executable, "-m", "service.cli.main", "serve", "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"facewarden: The settings are not safe: {filled / 'master.key'} may be read by others: chmod 600 it\n"
    )


# facewarden config


def run(*arguments: str) -> Result:
    return CliRunner().invoke(application, ["config", *arguments])


def test_every_setting_is_shown_with_its_source_and_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"MASTER_KEY": "m" * 44, "PKCS11_PIN": "p1n-p1n-p1n"}
    for name, value in secrets.items():
        monkeypatch.setenv(f"FACEWARDEN_{name}", value)
    monkeypatch.setenv("FACEWARDEN_PORT", "9000")
    monkeypatch.setenv("FACEWARDEN_DATABASE_URL", "postgresql://service:hush@db.lan/people?sslpassword=hush2")
    done = run("--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    shown = {name: (each["value"], each["source"]) for name, each in told["settings"].items()}
    assert shown.keys() == Settings.model_fields.keys()
    assert shown["port"] == (9000, "environment")
    assert shown["host"] == ("127.0.0.1", "default")
    assert shown["home"] == (str(home), "environment")
    assert shown["master_key"] == ("set", "environment")
    assert shown["master_key_previous"] == ("unset", "default")
    assert shown["database_url"] == ("postgresql://service:***@db.lan/people?…", "environment")
    text = run()
    assert "FACEWARDEN_PORT" in text.stdout
    for secret in (*secrets.values(), "hush"):
        assert secret not in done.output + text.output


def test_what_would_not_start_is_said_with_a_status(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir(mode=0o755)
    monkeypatch.setenv("FACEWARDEN_HOST", "0.0.0.0")
    done = run("--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)["refused"]
    assert [each.partition(" ")[0] for each in told] == ["FACEWARDEN_HOST=0.0.0.0", "the"]
    text = run()
    assert text.exit_code == 2
    assert text.stderr.count("refused: ") == 2


def test_what_may_not_be_meant_is_a_warning(home: Path) -> None:
    assert [each.split()[-1] for each in warnings(at(home))] == ["(OPEN_ENROLMENT)"]
    closed = {"open_enrolment": False}
    assert list(warnings(at(home, **closed, cors_origins="https://app.example.org,http://localhost:3000"))) == []
    told = list(
        warnings(at(home, **closed, allow_duplicates=True, matching="distance", cors_origins="http://app.example.org"))
    )
    assert [each.split()[-1] for each in told] == ["(ALLOW_DUPLICATES)", "(MATCHING)", "(CORS_ORIGINS)"]
