"""References: the IDs that people have in somebody else's records, unique within a tenant.

What is kept in clear is a keyed digest, by which a second one is told; the reference itself is sealed with the person.
"""

import hmac
import json
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from db.errors import told_apart
from db.keystore import Keystore
from db.tables import PersonRow

REFERENCE: Final = "reference"
PURPOSE: Final = "references"
_DOMAIN: Final = b"facewarden reference 1 "


class References:
    """Of one tenant's people, within the transaction of a unit of work."""

    def __init__(self, session: Session, keystore: Keystore, tenant: str) -> None:
        self._session = session
        self._keystore = keystore
        self._tenant = tenant

    def put(self, user_id: UUID, reference: str) -> bool:
        """False where somebody else of the tenant has it: the unit of work can only be left then."""
        its = col(PersonRow.user_id) == user_id, col(PersonRow.tenant) == self._tenant
        with told_apart():
            try:
                self._session.execute(update(PersonRow).where(*its).values(reference=self._digest(reference)))
            except IntegrityError:
                return False
        return True

    def holder(self, reference: str) -> UUID | None:
        """Whose it is; None for nobody's."""
        its = col(PersonRow.reference) == self._digest(reference), col(PersonRow.tenant) == self._tenant
        with told_apart():
            return self._session.scalar(select(col(PersonRow.user_id)).where(*its))

    def _digest(self, reference: str) -> bytes:
        bound = json.dumps([self._tenant, reference])
        return hmac.digest(self._keystore.secret(PURPOSE), _DOMAIN + bound.encode(), "sha256")
