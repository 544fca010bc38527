"""API keys of applications and operators: 256 random bits each, shown once; what is kept is a code over them.

The code is an HMAC-SHA256 under a secret of the key store, over the key and what it may do: who reads the data file
learns no key, and who writes into it can neither forge one nor give one another role, tenant or end. The bits are
random, so a slow hash would add nothing. Of what is shown of a key there is a proof, and a key that was revoked stays
so when its row is put back.
"""

import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import Final

from sqlalchemy import Engine, delete, or_, select, update
from sqlmodel import Session, col

from db import revocations
from db.errors import told_apart
from db.proofs import Proofs
from db.revocations import Revocations
from db.tables import ApiKeyRow

SHOWN: Final = re.compile(r"(fw_[a-z0-9]{8})_[A-Za-z0-9_-]{43}")
"""`fw_`, eight characters that tell keys apart, `_`, and 32 bytes as base64url without padding."""
PURPOSE: Final = "api keys"
USED_EVERY: Final = timedelta(minutes=1)
"""How exactly it is known when a key was last used: no request writes more often than that."""
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_DOMAIN: Final = b"facewarden api key 1 "

Secrets = Callable[[str], bytes]


class Role(StrEnum):
    """What a key is for. None includes another: what a route takes, it names."""

    ADMIN = "admin"
    ENROLLER = "enroller"
    VERIFIER = "verifier"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What may be told of a key. `prefix`: its beginning, by which people tell keys apart; no secret.

    `last_used_at`: to the minute."""

    prefix: str
    tenant: str
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or now < self.expires_at


class ApiKeyLedger:
    """The keys of one tenant, within the transaction of a unit of work."""

    def __init__(self, session: Session, secret: Secrets, proofs: Proofs, revoked: Revocations, tenant: str) -> None:
        self._session = session
        self._secret = secret
        self._proofs = proofs
        self._revoked = revoked
        self._tenant = tenant

    def add(
        self,
        role: Role,
        name: str,
        now: datetime,
        expires_at: datetime | None = None,
        *,
        random: Callable[[], str] = secrets.token_urlsafe,
    ) -> tuple[ApiKey, str]:
        """A new key, and the key itself in clear: it is kept nowhere."""
        prefix = "fw_" + "".join(secrets.choice(_LETTERS) for _ in range(8))
        shown = f"{prefix}_{random()}"
        row = ApiKeyRow(
            prefix=prefix,
            tenant=self._tenant,
            role=role.value,
            name=name,
            created_at=now,
            expires_at=expires_at,
            code=b"",
        )
        row.code = _code(self._secret(PURPOSE), shown, row)
        row.proof = self._proofs.of(row)
        with told_apart():
            self._session.add(row)
            self._session.flush()
        return _told(row), shown

    def all(self) -> list[ApiKey]:
        """In the order in which they were made."""
        query = select(ApiKeyRow).where(col(ApiKeyRow.tenant) == self._tenant)
        with told_apart():
            rows = self._session.scalars(query.order_by(col(ApiKeyRow.created_at), col(ApiKeyRow.prefix)))
            return [_told(row) for row in rows if self._proofs.hold(row) and not _is_revoked(self._revoked, row)]

    def revoke(self, prefix: str) -> ApiKey | None:
        """The key that opens nothing any more, whatever becomes of this transaction; None where the tenant has no
        such."""
        with told_apart():
            row = self._session.get(ApiKeyRow, prefix)
            if row is None or row.tenant != self._tenant or not self._proofs.hold(row):
                return None
            self._revoked.add(revocations.api_key(prefix), row.expires_at)
            self._session.execute(delete(ApiKeyRow).where(col(ApiKeyRow.prefix) == prefix))
            return _told(row)


class ApiKeys:
    """The keys of every tenant. Every call is a transaction of its own; safe to share between threads."""

    def __init__(self, data: Engine, secret: Secrets, proofs: Proofs, revoked: Revocations) -> None:
        self._data = data
        self._secret = secret
        self._proofs = proofs
        self._revoked = revoked
        self._known: bytes | None = None

    def find(self, shown: str, now: datetime) -> ApiKey | None:
        """Whose key this is; None for what is none, or none any more. A prefix that is not there takes as long."""
        match = SHOWN.fullmatch(shown)
        prefix = "" if match is None else match[1]
        with told_apart(), Session(self._data) as session:
            row = session.get(ApiKeyRow, prefix)
            asked = _nobodys(now) if row is None else row
            right = compare_digest(_code(self._own_secret(), shown, asked), asked.code)
            key = _told(row) if row is not None and right and self._proofs.hold(row) else None
        self._proofs.tell(now)
        if key is None or not key.holds(now) or self._revoked.has(revocations.api_key(prefix)):
            return None
        if key.last_used_at is None or not key.last_used_at <= now < key.last_used_at + USED_EVERY:
            self._used(prefix, now)
        return key

    def _used(self, prefix: str, now: datetime) -> None:
        last = col(ApiKeyRow.last_used_at)
        due = or_(last.is_(None), last <= now - USED_EVERY, last > now)
        with told_apart(), Session(self._data) as session:
            session.execute(update(ApiKeyRow).where(col(ApiKeyRow.prefix) == prefix, due).values(last_used_at=now))
            session.commit()

    def all(self) -> list[ApiKey]:
        """Of every tenant, by tenant, in the order in which they were made."""
        order = col(ApiKeyRow.tenant), col(ApiKeyRow.created_at), col(ApiKeyRow.prefix)
        with told_apart(), Session(self._data) as session:
            rows = session.scalars(select(ApiKeyRow).order_by(*order))
            return [_told(row) for row in rows if self._proofs.hold(row) and not _is_revoked(self._revoked, row)]

    def has_admin(self, now: datetime) -> bool:
        """Whether there is a key that can make others."""
        return any(key.role is Role.ADMIN and key.holds(now) for key in self.all())

    def _own_secret(self) -> bytes:
        if self._known is None:
            self._known = self._secret(PURPOSE)
        return self._known


def _code(secret: bytes, shown: str, row: ApiKeyRow) -> bytes:
    end = None if row.expires_at is None else row.expires_at.timestamp()
    bound = json.dumps([row.prefix, row.tenant, row.role, end, shown])
    return hmac.digest(secret, _DOMAIN + bound.encode(), "sha256")


def _is_revoked(revoked: Revocations, row: ApiKeyRow) -> bool:
    return revoked.has(revocations.api_key(row.prefix))


def _nobodys(now: datetime) -> ApiKeyRow:
    return ApiKeyRow(prefix="", tenant="", role="", name="", created_at=now, code=bytes(32))


def _told(row: ApiKeyRow) -> ApiKey:
    return ApiKey(row.prefix, row.tenant, Role(row.role), row.name, row.created_at, row.expires_at, row.last_used_at)
