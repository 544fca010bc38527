"""What no service starts with, and what its operator should know: said by `facewarden config`, checked by `serve`."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from db.engine import database_file
from service.errors import UnsafeSettings
from service.settings import PREFIX, Settings

OTHERS: Final = 0o077
"""Any right of the group or of others."""
OTHERS_LOOK_OR_WRITE: Final = 0o066
"""Rights on a folder, but for passing through it to something whose name is known."""


def refuse_unsafe(settings: Settings) -> None:
    """Raises UnsafeSettings with every danger there is."""
    found = list(dangers(settings))
    if found:
        raise UnsafeSettings("; ".join(found))


def dangers(settings: Settings) -> Iterator[str]:
    """What keeps the service from starting, and what to do about it."""
    if not settings.loopback and not settings.speaks_tls and not settings.behind_proxy:
        yield (
            f"{PREFIX}HOST={settings.host} is reached from elsewhere, without TLS: set {PREFIX}TLS_CERT and"
            f" {PREFIX}TLS_KEY, or {PREFIX}HTTPS=true for a network of your own, or {PREFIX}BEHIND_PROXY=true with"
            f" {PREFIX}TRUSTED_PROXIES where a proxy speaks TLS"
        )
    if os.name != "posix":
        return
    if _rights(settings.home) & OTHERS_LOOK_OR_WRITE:
        yield f"the folder {settings.home} is open to others: chmod 700 it"
    for path in _secret_files(settings):
        if _rights(path) & OTHERS:
            yield f"{path} may be read by others: chmod 600 it"


def warnings(settings: Settings) -> Iterator[str]:
    """What starts, and may not be what was meant."""
    if settings.enrolment_is_open:
        yield "whoever uses this machine may enrol people without a key (OPEN_ENROLMENT)"
    if settings.allow_duplicates:
        yield "people who look alike are not told apart at a login (ALLOW_DUPLICATES)"
    if settings.matching == "distance":
        yield "strangers are accepted more often for faces that look like many (MATCHING)"
    for origin in settings.cors_origins:
        if urlsplit(origin).scheme == "http" and urlsplit(origin).hostname not in {"localhost", "127.0.0.1", "::1"}:
            yield f"{origin} comes without TLS: whoever changes that page on its way may use the service (CORS_ORIGINS)"


def _secret_files(settings: Settings) -> Iterator[Path]:
    for url in (settings.data_url, settings.keys_url):
        if (database := database_file(url)) is not None:
            yield from (database.with_name(database.name + end) for end in ("", "-wal", "-shm"))
    key = settings.key_file
    yield from (key, key.with_name(key.name + ".next"), key.with_name(key.name + ".old"))
    yield from (settings.tls_folder / "ca.key", settings.tls_folder / "server.key")
    if settings.tls_key is not None:
        yield settings.tls_key


def _rights(path: Path) -> int:
    """None of something that is not there."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0
