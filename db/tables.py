"""The tables: the data in one database, the keys that open it in another."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
    Uuid,
    cast,
    func,
    select,
)
from sqlalchemy.orm import Mapped
from sqlmodel import Field, Session, SQLModel

DEFAULT_TENANT: Final = "default"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept as UTC without zone, so that every database orders it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def id_bytes(raw: Sequence[Any]) -> list[bytes]:
    """The 16 bytes of each of one query's IDs, selected as text: UUIDs where the database knows the type, else
    hexadecimal."""
    if raw and isinstance(raw[0], UUID):
        return [each.bytes for each in raw]
    return list(map(bytes.fromhex, raw))


def id_list(session: Session, user_id: Mapped[UUID]) -> str:
    """All IDs of one table's column, in their order: where two are alike the tables have the same people. Put together
    by the database, which takes a tenth of the time that a set of them does."""
    hexadecimal = func.replace(cast(user_id, String), "-", "")
    ordered = select(hexadecimal.label("id")).order_by(user_id).subquery()
    return session.scalar(select(func.aggregate_strings(ordered.c.id, ","))) or ""


class DataTable(SQLModel):
    """A table of the data file."""

    metadata = MetaData()


class ProvenTable(DataTable):
    """A table of the data file whose rows carry a proof (db/proofs.py), over every column but those of `unproven`."""

    unproven: ClassVar[frozenset[str]] = frozenset()
    proof: bytes | None = Field(default=None, sa_type=LargeBinary)


class KeyTable(SQLModel):
    """A table of the key store."""

    metadata = MetaData()


def _person() -> Any:
    return Column(Uuid, ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False, index=True)


class PersonRow(DataTable, table=True):
    """Somebody enrolled. `reference`: a keyed digest of the one they have (db/references.py)."""

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_reference", "tenant", "reference", unique=True),)
    user_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    tenant: str = Field(default=DEFAULT_TENANT, index=True)
    number: int = Field(index=True, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    consent_at: datetime = Field(sa_type=UtcDateTime)
    last_login_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    flagged: bool = False
    flag_reason: str | None = None
    reference: bytes | None = Field(default=None, sa_type=LargeBinary)


class TenantRow(DataTable, table=True):
    """A body of people who never meet those of another. `revision`: that of the gallery when anybody of them last
    changed. `transform`: the generation of the transform that templates are written with; 0 for none yet."""

    __tablename__ = "tenant"
    name: str = Field(primary_key=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    revision: int = 0
    transform: int = 0


class ApiKeyRow(ProvenTable, table=True):
    """A key of an application or an operator (db/api_keys.py). `code`: over the key and what it may do."""

    __tablename__ = "api_key"
    unproven: ClassVar[frozenset[str]] = frozenset({"last_used_at"})
    prefix: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    role: str
    name: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    code: bytes = Field(sa_type=LargeBinary)


class TemplateRow(DataTable, table=True):
    """One photo's vector, sealed. `transform`: the generation of the transform that it is turned by; 0 for none.
    `grown`: added by a login."""

    __tablename__ = "template"
    template_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=_person())
    model_id: str
    capture: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    transform: int = Field(default=0, index=True)
    grown: bool = False
    sealed: bytes = Field(sa_type=LargeBinary)


class DetailRow(DataTable, table=True):
    """Attributes or a caller's metadata, sealed: at most one row of each kind a person."""

    __tablename__ = "detail"
    detail_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=_person())
    kind: str
    sealed: bytes = Field(sa_type=LargeBinary)


class ConsentRow(DataTable, table=True):
    """One line of somebody's consent: to which text (version and SHA-256, hexadecimal) and which uses, in words."""

    __tablename__ = "consent"
    consent_id: int | None = Field(default=None, primary_key=True)
    user_id: UUID = Field(sa_column=_person())
    at: datetime = Field(sa_type=UtcDateTime)
    version: str
    digest: str
    uses: str


class AuditRow(DataTable, table=True):
    """One entry of the audit log (db/audit_chain.py). `details`: canonical JSON."""

    __tablename__ = "audit"
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    kind: str
    person: str | None = Field(default=None, index=True)
    details: str
    generation: int
    code: bytes = Field(sa_type=LargeBinary)


class AuditTailRow(DataTable, table=True):
    """One row: number and code of the last entry. Whoever writes an entry locks it first."""

    __tablename__ = "audit_tail"
    tail_id: int = Field(primary_key=True)
    number: int = 0
    code: bytes = Field(sa_type=LargeBinary)


class FailureRow(DataTable, table=True):
    """Failed logins in a row of one subject: a claimed ID or a client, as a digest."""

    __tablename__ = "failure"
    subject: str = Field(primary_key=True)
    tenant: str = Field(default=DEFAULT_TENANT, index=True)
    failures: int
    failed_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ClientRow(ProvenTable, table=True):
    """An application that people sign in to. `redirect_uris`: one a line; `secret`: SHA-256."""

    __tablename__ = "client"
    client_id: str = Field(primary_key=True)
    tenant: str
    name: str
    redirect_uris: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    secret: bytes | None = Field(default=None, sa_type=LargeBinary)


class GrantRow(ProvenTable, table=True):
    """A code, then the access token given for it, as SHA-256 each (db/grants.py)."""

    __tablename__ = "oauth_grant"
    code: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    client_id: str = Field(foreign_key="client.client_id", ondelete="CASCADE", index=True)
    user_id: UUID = Field(sa_column=_person())
    redirect_uri: str
    challenge: str
    nonce: str | None = None
    acr: str
    signed_in_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    token: bytes | None = Field(default=None, sa_type=LargeBinary, index=True, unique=True)


class ChallengeRow(ProvenTable, table=True):
    """A challenge of liveness (db/challenges.py). `subject`: who may use it, a digest; `nonce`: SHA-256; `at_once`: its
    steps and pauses as JSON, where they were told at its beginning; `sealed`: what a login goes on with."""

    __tablename__ = "challenge"
    unproven: ClassVar[frozenset[str]] = frozenset(
        {"expires_at", "begun_at", "told_at", "passed_at", "transform", "sealed"}
    )
    challenge_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    tenant: str
    purpose: str
    subject: str = Field(index=True)
    nonce: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    at_once: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    begun_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    told_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    passed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    transform: int | None = None
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)


class GalleryRow(DataTable, table=True):
    """One row. `revision` rises with every enrolment and erasure; `traces` and `cleared`: see db/traces.py;
    `forgotten`: up to which revision the changes are kept no more."""

    __tablename__ = "gallery"
    gallery_id: int = Field(primary_key=True)
    revision: int = 0
    people: int = 0
    traces: int = Field(default=0, sa_type=BigInteger)
    cleared: int = Field(default=0, sa_type=BigInteger)
    forgotten: int = 0


class ChangeRow(DataTable, table=True):
    """Somebody enrolled or changed (`user_id`), or erased (`gone`, the first 16 bits of their ID), for the minutes in
    which other processes hear of it. `revision`: that of the gallery."""

    __tablename__ = "change"
    change_id: int | None = Field(default=None, primary_key=True)
    revision: int = Field(index=True)
    tenant: str
    user_id: UUID | None = Field(default=None, sa_column=Column(Uuid, index=True))
    gone: int | None = None
    at: datetime = Field(sa_type=UtcDateTime)


class PersonKeyRow(KeyTable, table=True):
    """A person's data key, sealed with the wrapping key that `wrapped_by` names (hexadecimal).

    `next_wrapped`: the key that is about to replace it.
    """

    __tablename__ = "person_key"
    user_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    created_at: datetime = Field(sa_type=UtcDateTime)
    wrapped: bytes = Field(sa_type=LargeBinary)
    wrapped_by: str = Field(sa_column=Column(String(32), nullable=False, index=True))
    next_wrapped: bytes | None = Field(default=None, sa_type=LargeBinary)


class SecretRow(KeyTable, table=True):
    """32 random bytes for one purpose of the service's own, sealed with the wrapping key."""

    __tablename__ = "secret"
    purpose: str = Field(primary_key=True)
    wrapped: bytes = Field(sa_type=LargeBinary)
    wrapped_by: str = Field(sa_column=Column(String(32), nullable=False))


class TombstoneRow(KeyTable, table=True):
    """Somebody erased: a keyed digest of their ID, so that a backup put back does not bring them back."""

    __tablename__ = "tombstone"
    digest: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    erased_at: datetime = Field(sa_type=UtcDateTime)


class RevocationRow(KeyTable, table=True):
    """What holds no longer (db/revocations.py). `until`: when it would have ended anyway; None for never."""

    __tablename__ = "revocation"
    what: str = Field(primary_key=True)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime, index=True)


class KeystoreRow(KeyTable, table=True):
    """One row. `key_check`: a record sealed with the current wrapping key, by which that one is told from others;
    `traces` and `cleared` as in the gallery."""

    __tablename__ = "keystore"
    keystore_id: int = Field(primary_key=True)
    key_check: bytes = Field(sa_type=LargeBinary)
    traces: int = Field(default=0, sa_type=BigInteger)
    cleared: int = Field(default=0, sa_type=BigInteger)


class AuditHeadRow(KeyTable, table=True):
    """One row: how far the audit log reaches, and the generation of the key it is written with.

    `proof`: a code over the others, under the first generation's key.
    """

    __tablename__ = "audit_head"
    head_id: int = Field(primary_key=True)
    number: int
    code: bytes = Field(sa_type=LargeBinary)
    generation: int
    proof: bytes = Field(sa_type=LargeBinary)
