"""Applications that people sign in to: registered by an operator, told their secret once."""

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, urlsplit

from db.clients import ClientRecord
from db.storage import Storage
from service.errors import UnknownClient
from service.oauth.clients import digest
from service.workflows.people import By

MOST_URIS: Final = 10
LONGEST_NAME: Final = 80
PLAIN: Final = re.compile(r"[!#-\[\]^-~]{1,500}")
"""Printable ASCII without spaces, quotes and backslashes: compared letter by letter, and put into a header."""
OWN_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""A domain name turned round, as programs on a phone use (RFC 8252, section 7.1); it keeps `javascript:` out."""


@dataclass(frozen=True, slots=True)
class Registered:
    """`secret`: told this once; None for a public client."""

    client_id: str
    secret: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientRegistry:
    """Of one tenant's storage; `listing` is of all."""

    storage: Storage

    def add(self, name: str, redirect_uris: Sequence[str], *, public: bool) -> Registered:
        """Raises ValueError for a name that cannot be shown or addresses that a browser should not be sent to."""
        if not (1 <= len(name) <= LONGEST_NAME and name.isprintable() and name.strip() == name):
            raise ValueError(f"a name is 1 to {LONGEST_NAME} printable characters")
        _check(redirect_uris)
        made = Registered(secrets.token_hex(12), None if public else secrets.token_urlsafe(32))
        secret = None if made.secret is None else digest(made.secret)
        with self.storage.begin() as work:
            uris = tuple(dict.fromkeys(redirect_uris))
            work.clients.add(ClientRecord(made.client_id, work.tenant, name, uris, work.now, secret))
            work.note("client_added", None, by=By.OPERATOR.value, client=made.client_id)
            work.commit()
        return made

    def listing(self) -> Sequence[ClientRecord]:
        with self.storage.begin() as work:
            return work.clients.all()

    def remove(self, client_id: str) -> None:
        """Its codes and tokens hold no longer. Raises UnknownClient."""
        with self.storage.begin() as work:
            record = work.clients.get(client_id)
        if record is None:
            raise UnknownClient
        with self.storage.of(record.tenant).begin() as work:
            if not work.clients.remove(client_id):
                raise UnknownClient
            work.note("client_removed", None, by=By.OPERATOR.value, client=client_id)
            work.commit()


def _check(redirect_uris: Sequence[str]) -> None:
    if not 1 <= len(redirect_uris) <= MOST_URIS:
        raise ValueError(f"an application has 1 to {MOST_URIS} redirect URIs")
    hosts = {_host(uri) for uri in redirect_uris}
    if len(hosts) > 1:
        raise ValueError("the redirect URIs of an application have one host: it decides who a person is there")


def _host(uri: str) -> str | None:
    """None for a scheme of a program's own."""
    wrong = f"{uri!r} is no redirect URI: https://…, http:// on this machine, or a scheme such as org.example.app:/…"
    if PLAIN.fullmatch(uri) is None:
        raise ValueError(wrong)
    try:
        parts = urlsplit(uri)
        fit = not parts.fragment and "#" not in uri and "@" not in parts.netloc and _is_safe(parts)
    except ValueError:
        fit = False
    if not fit:
        raise ValueError(wrong)
    return parts.hostname


def _is_safe(parts: SplitResult) -> bool:
    if parts.scheme == "https":
        return bool(parts.hostname)
    if parts.scheme == "http":
        return parts.hostname is not None and _is_loopback(parts.hostname)
    return OWN_SCHEME.fullmatch(parts.scheme) is not None and not parts.netloc and parts.path.startswith("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
