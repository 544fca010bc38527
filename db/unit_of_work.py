"""One request's reading and writing: rolled back unless committed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy import Engine

from db import changes
from db.api_keys import ApiKeyLedger
from db.audit import AuditLog, of_tenant
from db.audit_chain import Detail, Head
from db.challenges import ChallengeLedger
from db.clients import Clients
from db.consents import Consents, consent_row
from db.details import ATTRIBUTES, METADATA, Details, sealed_detail
from db.errors import StorageUnavailable, told_apart
from db.failures import FailureLedger
from db.grants import Grants
from db.keystore import Keystore
from db.people import People
from db.proofs import Proofs
from db.records import Consent, NewTemplate
from db.references import References
from db.revocations import Revocations
from db.tables import PersonRow
from db.templates import Templates

MAX_TEMPLATES: Final = 10


class UnitOfWork(People, Templates, Consents):
    """A context manager over one database session. Not to be shared between threads. `now`: when it began.

    It is one tenant's: people of another are as unknown to it as nobody.
    """

    def __init__(
        self, engine: Engine, keystore: Keystore, audit: AuditLog, proofs: Proofs, now: datetime, tenant: str
    ) -> None:
        super().__init__(engine, keystore, now, tenant)
        self._audit = audit
        self._proofs = proofs
        self.failures = FailureLedger(self._session, tenant)
        self.revoked = Revocations(keystore.engine)
        self.clients = Clients(self._session, proofs, self.revoked)
        self.grants = Grants(self._session, proofs, self.revoked)
        self.challenges = ChallengeLedger(self._session, proofs, tenant)
        self.details = Details(self._session, keystore, tenant)
        self.references = References(self._session, keystore, tenant)
        self.api_keys = ApiKeyLedger(self._session, keystore.secret, proofs, self.revoked, tenant)
        self._new_keys: list[UUID] = []
        self._held: Head | None = None
        self._head: Head | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Where the database is out of reach the session ends all the same, and a sweep destroys what keys are left.
        with suppress(StorageUnavailable), told_apart():
            try:
                self._session.rollback()
            finally:
                self._session.close()
                self._keystore.destroy(self._new_keys)
        self._proofs.tell(self.now)

    def commit(self) -> None:
        """Makes everything since the last commit last, even through a power cut. Raises StorageUnavailable."""
        self._new_keys.clear()  # from here on a key without a person is for the sweep: a failure may come too late
        with told_apart():
            self._session.commit()
        self._held = None
        if self._head is not None:
            self._audit.advance(self._head)
            self._head = None

    def note(self, kind: str, user_id: UUID | None, **details: Detail) -> None:
        """An entry of the audit log, written if and only if this unit of work is committed."""
        with told_apart():
            said = {**details, **of_tenant(self.tenant)}
            self._head = self._held = self._audit.append(self._session, self.now, kind, user_id, self._held, **said)

    def take_turn(self) -> None:
        """Nobody else writes failures or audit entries until this unit of work ends."""
        with told_apart():
            self._held = self._audit.hold(self._session)

    def add_person(
        self,
        user_id: UUID,
        *,
        templates: Sequence[NewTemplate],
        attributes: Mapping[str, Any] | None,
        metadata: Mapping[str, Any] | None,
        consent: Consent,
        flagged: bool,
        flag_reason: str | None = None,
        factors: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Enrols somebody with 1 to 10 templates: their key first, in the key store, then the sealed rows.

        `factors`: details beside attributes and metadata, by kind. Raises ValueError for another number of templates,
        UnknownTenant, TransformChanged where the templates are not turned as the tenant's are by now, and
        StorageUnavailable where the database does not answer.
        """
        if not 1 <= len(templates) <= MAX_TEMPLATES:
            raise ValueError(f"a person has 1 to {MAX_TEMPLATES} templates")
        with told_apart():
            key = self._keystore.create(user_id, self.now)
            self._new_keys.append(user_id)
            gallery = self._next_revision(people=1)
            self._require_turned(templates)
            self._session.add(
                PersonRow(
                    user_id=user_id,
                    tenant=self.tenant,
                    number=gallery.people,
                    created_at=self.now,
                    consent_at=consent.at,
                    flagged=flagged,
                    flag_reason=flag_reason,
                )
            )
            self._session.flush()
            changes.note(self._session, gallery.revision, self.now, [(user_id, self.tenant)])
            self._session.add(consent_row(user_id, consent))
            self._session.add_all(self._sealed_template(key, user_id, template) for template in templates)
            for kind, values in {ATTRIBUTES: attributes, METADATA: metadata, **(factors or {})}.items():
                if values:
                    self._session.add(sealed_detail(key, user_id, kind, values))
            self._session.flush()
