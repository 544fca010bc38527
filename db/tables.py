"""The tables: the data in one database, the keys that open it in another."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Dialect, ForeignKey, LargeBinary, MetaData, TypeDecorator, Uuid
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept as UTC without zone, so that every database orders it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def id_bytes(raw: Any) -> bytes:
    """The 16 bytes of an ID that was selected as text: a UUID where the database knows the type, else hexadecimal."""
    return raw.bytes if isinstance(raw, UUID) else bytes.fromhex(raw)


class DataTable(SQLModel):
    """A table of the data file."""

    metadata = MetaData()


class KeyTable(SQLModel):
    """A table of the key store."""

    metadata = MetaData()


def _person() -> Any:
    return Column(Uuid, ForeignKey("person.user_id", ondelete="CASCADE"), nullable=False, index=True)


class PersonRow(DataTable, table=True):
    """Somebody enrolled. `revision`: that of the gallery when this person last changed."""

    __tablename__ = "person"
    user_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    number: int = Field(index=True, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    consent_at: datetime = Field(sa_type=UtcDateTime)
    last_login_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    flagged: bool = False
    revision: int = Field(index=True)


class TemplateRow(DataTable, table=True):
    """One photo's vector, sealed."""

    __tablename__ = "template"
    template_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=_person())
    model_id: str
    capture: int
    created_at: datetime = Field(sa_type=UtcDateTime)
    sealed: bytes = Field(sa_type=LargeBinary)


class DetailRow(DataTable, table=True):
    """Attributes or a caller's metadata, sealed: at most one row of each kind a person."""

    __tablename__ = "detail"
    detail_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    user_id: UUID = Field(sa_column=_person())
    kind: str
    sealed: bytes = Field(sa_type=LargeBinary)


class AttemptRow(DataTable, table=True):
    """One login: when, who was claimed or found, how it ended."""

    __tablename__ = "attempt"
    attempt_id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    user_id: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True, index=True))
    outcome: str


class GalleryRow(DataTable, table=True):
    """One row. `revision` rises with every enrolment and erasure; `dirty`: erased rows left traces in free space."""

    __tablename__ = "gallery"
    gallery_id: int = Field(primary_key=True)
    revision: int = 0
    people: int = 0
    dirty: bool = False


class PersonKeyRow(KeyTable, table=True):
    """A person's data key, sealed with the wrapping key."""

    __tablename__ = "person_key"
    user_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    created_at: datetime = Field(sa_type=UtcDateTime)
    wrapped: bytes = Field(sa_type=LargeBinary)


class KeystoreRow(KeyTable, table=True):
    """One row. `key_check`: a record that only the right master key opens; `dirty` as in the gallery."""

    __tablename__ = "keystore"
    keystore_id: int = Field(primary_key=True)
    key_check: bytes = Field(sa_type=LargeBinary)
    dirty: bool = False
