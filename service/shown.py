"""Settings as operators see them: of secrets only whether they are set."""

from dataclasses import dataclass

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from service.settings import Settings

URLS = frozenset({"database_url", "keystore_url"})


@dataclass(frozen=True, slots=True)
class Shown:
    """`source`: `default` or `environment`. A secret's value is `set` or `unset`."""

    value: object
    source: str


def shown(settings: Settings) -> dict[str, Shown]:
    """By name, in the order of their declaration."""
    return {
        name: Shown(_plain(name, value), "environment" if name in settings.model_fields_set else "default")
        for name, value in settings
    }


def _plain(name: str, value: object) -> object:
    if "SecretStr" in str(Settings.model_fields[name].annotation):
        return "unset" if value is None else "set"
    if name in URLS and isinstance(value, str):
        return _without_password(value)
    return value if isinstance(value, str | int | float | bool | tuple | None) else str(value)


def _without_password(url: str) -> str:
    """Nor anything else that goes with the connection: drivers take passwords there, too."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return "set"
    return parsed.set(query={}).render_as_string(hide_password=True) + ("?…" if parsed.query else "")
