"""Attempt limits (NIST SP 800-63B-4, 3.2.2): failures in a row make a claim, and a client, wait longer and longer.

A claim is counted whether or not anybody is enrolled under its ID, so that being locked tells nothing; all is kept in
the database, so that a restart forgives nothing.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from db.failures import Failures
from db.tables import DEFAULT_TENANT
from db.unit_of_work import UnitOfWork
from service.errors import Locked, Stopped

FORGET_AFTER: Final = timedelta(days=30)
"""A run of failures that nobody added to for so long is dropped, known ID or not."""
_DOMAIN: Final = b"facewarden attempt 1 "
IPV6_SITE: Final = 64
"""Leading bits of an IPv6 address that count as one client (RFC 6177): its holder has all the rest."""


LIVE_FREE: Final = 10
LIVE_STOP: Final = 100


class Evidence(StrEnum):
    """What an attempt shows. A recovery code cannot be guessed, so nothing but the pauses holds it up."""

    FACE = "face"
    PASSPHRASE = "passphrase"  # noqa: S105 - a kind of evidence
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Limits:
    """`free` failures in a row cost nothing; then `first`, twice as much for each further one, at most `longest`;
    after `stop` the face alone opens nothing until an operator unlocks, after twice as many the passphrase neither."""

    free: int = 5
    stop: int = 50
    first: timedelta = timedelta(seconds=30)
    longest: timedelta = timedelta(hours=1)

    def when_alive(self) -> "Limits":
        """After a challenge of liveness was passed (NIST SP 800-63B-4, 3.2.3, presentation attack detection)."""
        return replace(self, free=max(self.free, LIVE_FREE), stop=max(self.stop, LIVE_STOP))

    def most(self, evidence: Evidence) -> int | None:
        """After how many failures in a row this evidence opens nothing any more; None for never."""
        return {Evidence.FACE: self.stop, Evidence.PASSPHRASE: 2 * self.stop, Evidence.RECOVERY: None}[evidence]

    def pause(self, failures: int) -> timedelta:
        """How long the next attempt has to wait after the last of so many failures."""
        if failures < self.free:
            return timedelta(0)
        doublings: int = min(failures - self.free, 16)
        return min(self.first * (1 << doublings), self.longest)

    def left(self, failures: Failures, now: datetime) -> timedelta:
        """What is left of the pause; never more than the whole of it, where a clock was set back."""
        pause = self.pause(failures.count)
        return min(max(failures.last_at + pause - now, timedelta(0)), pause)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The subjects of one login: digests of the claimed ID and of the client, either of them absent."""

    claim: str | None
    client: str | None

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(each for each in (self.claim, self.client) if each is not None)


class Lockout:
    """Of one tenant. `secret`: 32 bytes, so that no ID and no address can be told from what is stored."""

    def __init__(self, secret: bytes, limits: Limits, tenant: str = DEFAULT_TENANT) -> None:
        self._secret = secret
        self.limits = limits
        self._where = "" if tenant == DEFAULT_TENANT else f"@{tenant}"

    def attempt(self, user_id: UUID | None, client: str | None) -> Attempt:
        """`client`: an IP address; None for one who is not counted."""
        return Attempt(
            claim=None if user_id is None else self.claim(user_id),
            client=None if client is None else self._digest("client", _site(client)),
        )

    def challenger(self, who: str) -> str:
        """The subject of challenges: an IP address, or an API key by its beginning."""
        return self._digest("challenge", _site(who))

    def claim(self, user_id: UUID) -> str:
        return self._digest("claim", user_id.bytes)

    def check(self, work: UnitOfWork, attempt: Attempt, evidence: Evidence, *, alive: bool = False) -> None:
        """Raises Locked while a pause lasts, Stopped where there were too many for this evidence."""
        limits = self.limits.when_alive() if alive else self.limits
        found: Mapping[str, Failures] = work.failures.of(attempt.subjects) if attempt.subjects else {}
        left = max((limits.left(each, work.now) for each in found.values()), default=timedelta(0))
        if left > timedelta(0):
            raise Locked(left)
        most = limits.most(evidence)
        if most is not None and any(each.count >= most for each in found.values()):
            raise Stopped

    def failed(self, work: UnitOfWork, attempt: Attempt) -> None:
        work.failures.add(attempt.subjects, work.now)

    def succeeded(self, work: UnitOfWork, attempt: Attempt, user_id: UUID) -> None:
        """The claim, the person and the client start anew: what counts is failures in a row."""
        work.failures.forgive({*attempt.subjects, self.claim(user_id)})

    def _digest(self, kind: str, subject: bytes) -> str:
        message = _DOMAIN + f"{kind}{self._where} ".encode() + subject
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]


def _site(client: str) -> bytes:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client.encode()
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.packed
        return ipaddress.ip_network((int(address), IPV6_SITE), strict=False).network_address.packed
    return address.packed
