"""Applications that people sign in to by OpenID Connect: registered with one tenant each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select
from sqlmodel import Session, col

from db.errors import told_apart
from db.grants import Grant
from db.proofs import Proofs
from db.revocations import Revocations, client
from db.tables import ClientRow, GrantRow


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """`secret`: SHA-256 of the client's secret; None for a public client, which can keep none."""

    client_id: str
    tenant: str
    name: str
    redirect_uris: tuple[str, ...]
    created_at: datetime
    secret: bytes | None = field(default=None, repr=False)


class Clients:
    """Within the transaction of a unit of work; of every tenant, since whoever comes by an ID names none. A row that
    the service has not written so is no application."""

    def __init__(self, session: Session, proofs: Proofs, revoked: Revocations) -> None:
        self._session = session
        self._proofs = proofs
        self._revoked = revoked

    def get(self, client_id: str) -> ClientRecord | None:
        with told_apart():
            row = self._session.get(ClientRow, client_id)
        return None if row is None or not self._holds(row) else _record(row)

    def of(self, grant: Grant) -> ClientRecord | None:
        """The application of a grant that was read in this unit of work, which asked then whether it was removed."""
        with told_apart():
            row = self._session.get(ClientRow, grant.client_id)
        return None if row is None or not self._proofs.hold(row) else _record(row)

    def all(self) -> Sequence[ClientRecord]:
        """In the order of their registration."""
        query = select(ClientRow).order_by(col(ClientRow.created_at), col(ClientRow.client_id))
        return [_record(row) for row in self._session.scalars(query) if self._holds(row)]

    def add(self, record: ClientRecord) -> None:
        row = ClientRow(
            client_id=record.client_id,
            tenant=record.tenant,
            name=record.name,
            redirect_uris="\n".join(record.redirect_uris),
            created_at=record.created_at,
            secret=record.secret,
        )
        row.proof = self._proofs.of(row)
        self._session.add(row)
        self._session.flush()

    def remove(self, client_id: str) -> bool:
        """With its codes and tokens, which hold no longer, whatever becomes of this transaction. False where there is
        none."""
        self._revoked.add(client(client_id), None)
        self._session.execute(delete(GrantRow).where(col(GrantRow.client_id) == client_id))
        query = delete(ClientRow).where(col(ClientRow.client_id) == client_id)
        return bool(self._session.scalars(query.returning(col(ClientRow.client_id))).all())

    def _holds(self, row: ClientRow) -> bool:
        return self._proofs.hold(row) and not self._revoked.has(client(row.client_id))


def _record(row: ClientRow) -> ClientRecord:
    uris = tuple(row.redirect_uris.split("\n"))
    return ClientRecord(row.client_id, row.tenant, row.name, uris, row.created_at, row.secret)
