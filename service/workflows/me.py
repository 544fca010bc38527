"""What somebody who has logged in may do with their own record."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from db.details import ATTRIBUTES, FACTOR, RECOVERY
from db.records import Consent, Person
from db.storage import Storage
from db.unit_of_work import UnitOfWork
from service import consent, factor
from service.errors import PassphraseOff, PassphraseRequired, TokenInvalid, TokenNotFresh, UnknownUser, UseNotOffered
from service.receipts import Receipt
from service.tokens import Claims, Tokens
from service.workflows.people import By, People
from service.workflows.receipt import Receipts


@dataclass(frozen=True, slots=True)
class Shown:
    """A record, what its owner agreed to, whether they have a second factor, and the kind of evidence of the token."""

    person: Person
    acr: str
    consent: Consent
    passphrase: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """One's own erasure; `erased` and `pending` as in `Erasure`."""

    erased: int
    pending: bool
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Me:
    """Every call takes the bearer's token and raises TokenInvalid, also once the person is erased."""

    people: People
    tokens: Tokens
    second_factor: str
    text: consent.ConsentText
    receipts: Receipts

    def show(self, token: str) -> Shown:
        claims = self.tokens.check(token)
        with self._storage.begin() as work:
            person = work.person(claims.user_id)
            if person is None:
                raise TokenInvalid
            factor_kept = work.details.get(person.user_id, FACTOR) is not None
            return Shown(person, claims.acr, _held(work, person), factor_kept)

    def erase(self, token: str, reason: str | None = None) -> Gone:
        user_id = self._bearer(token)
        done = self.people.erase([user_id], by=By.SELF, reason=reason)
        return Gone(done.erased, done.pending, self.receipts.issue([user_id]))

    def export(self, token: str) -> Mapping[str, Any]:
        """Everything that is held about them, vectors and log included, as plain values (GDPR, articles 15 and 20)."""
        return export(self._storage, self._bearer(token), By.SELF)

    def withdraw(self, token: str, use: str) -> Gone | None:
        """Takes back the consent to one use: what it allowed is erased. Without the login everything is."""
        if use == consent.LOGIN:
            return self.erase(token, reason="consent withdrawn")
        person = self.show(token).person
        user_id = person.user_id
        with self._storage.begin() as work:
            _end(work, user_id, use)
            before = _held(work, person)
            left = Consent(work.now, before.version, before.digest, before.uses - {use})
            work.add_consent(user_id, left)
            work.note("consent_withdrawn", user_id, use=use, by=By.SELF.value)
            work.commit()
        self._storage.sweep()
        return None

    def agree(self, token: str, uses: frozenset[str], seen: str) -> frozenset[str]:
        """From now on to these uses, in the words of the present text, whose digest is `seen`; what is left out is
        taken back. Raises TokenNotFresh, ConsentRequired, ConsentOutdated, UseNotOffered."""
        user_id = self.fresh(token).user_id
        with self._storage.begin() as work:
            person = work.person(user_id)
            if person is None:
                raise TokenInvalid
            before, given = _held(work, person).uses, self.text.given(uses, seen, work.now)
            if given.uses != uses or consent.ATTRIBUTES in uses - before:  # there are no pictures to read looks from
                raise UseNotOffered
            for use in before - uses:
                _end(work, user_id, use)
            work.add_consent(user_id, given)
            listed = ",".join(sorted(given.uses))
            work.note(
                "consent_given",
                user_id,
                consent=given.version,
                consent_digest=given.digest,
                uses=listed,
                by=By.SELF.value,
            )
            work.commit()
        self._storage.sweep()
        return given.uses

    def choose_passphrase(self, token: str, passphrase: str | None) -> None:
        """Sets, changes or (None) removes the second factor. Raises TokenNotFresh, PassphraseTooShort,
        PassphraseOff, and PassphraseRequired where it may not be without. `second_factor`: off, optional, required."""
        user_id = self.fresh(token).user_id
        if self.second_factor == "off" and passphrase is not None:
            raise PassphraseOff
        if self.second_factor == "required" and passphrase is None:
            raise PassphraseRequired
        kept = None if passphrase is None else factor.hashed(passphrase)
        with self._storage.begin() as work:
            if kept is None:
                work.details.drop(user_id, FACTOR)
            else:
                work.details.put(user_id, FACTOR, kept)
            work.note("factor_changed", user_id, set=kept is not None, by=By.SELF.value)
            work.commit()

    def renew_recovery_code(self, token: str) -> str:
        """A new one in the place of the one before. Raises TokenNotFresh."""
        user_id = self.fresh(token).user_id
        with self._storage.begin() as work:
            code = new_recovery_code(work, user_id)
            work.note("recovery_code_renewed", user_id, by=By.SELF.value)
            work.commit()
        return code

    def fresh(self, token: str) -> Claims:
        """What a token of the last minutes says. Raises TokenNotFresh."""
        claims = self.tokens.check(token)
        self._bearer(token)
        if not claims.fresh:
            raise TokenNotFresh
        return claims

    def _bearer(self, token: str) -> UUID:
        """Whose token it is; their record need not open, so that a damaged one can be erased."""
        user_id = self.tokens.check(token).user_id
        with self._storage.begin() as work:
            if not work.has(user_id):
                raise TokenInvalid
        return user_id

    @property
    def _storage(self) -> Storage:
        return self.people.storage


def _held(work: UnitOfWork, person: Person) -> Consent:
    """The line of the ledger that holds; who enrolled before there was one agreed to what is kept of them."""
    lines = work.consents(person.user_id)
    if lines:
        return lines[-1]
    kept = {consent.ATTRIBUTES} if person.attributes else set()
    return Consent(person.consent_at, "0", "", frozenset({consent.LOGIN} | kept))


def _end(work: UnitOfWork, user_id: UUID, use: str) -> None:
    """Erases what a use allowed to be kept."""
    if use == consent.ATTRIBUTES:
        work.details.drop(user_id, ATTRIBUTES)
    if use == consent.GROWTH:
        work.shrink(user_id)


def new_recovery_code(work: UnitOfWork, user_id: UUID) -> str:
    """Puts a new one in the place of the one before."""
    code = factor.recovery_code()
    work.details.put(user_id, RECOVERY, {"sha256": factor.digest_of(code)})
    return code


def export(storage: Storage, user_id: UUID, by: By) -> Mapping[str, Any]:
    """Everything that is held about somebody. Vectors: float32, little endian, base64, turned as they are kept.
    Raises UnknownUser."""
    with storage.begin() as work:
        person = work.person(user_id)
        if person is None:
            raise UnknownUser
        templates, consents = work.templates(user_id), work.consents(user_id)
        kinds = {kind: work.details.get(user_id, kind) is not None for kind in (FACTOR, RECOVERY)}
        work.note("exported", user_id, by=by.value)
        work.commit()
    return {
        "user_id": str(user_id),
        "enrolled_at": person.created_at.isoformat(),
        "last_login_at": person.last_login_at.isoformat() if person.last_login_at else None,
        "flagged": person.flagged,
        "attributes": person.attributes,
        "metadata": person.metadata,
        "has_passphrase": kinds[FACTOR],
        "has_recovery_code": kinds[RECOVERY],
        "templates": [
            {
                "model_id": template.model_id,
                "capture": template.capture,
                "transform": template.transform,
                "grown": template.grown,
                "created_at": template.created_at.isoformat(),
                "vector": base64.b64encode(template.vector.astype("<f4").tobytes()).decode(),
            }
            for template in templates
        ],
        "consents": [
            {"at": each.at.isoformat(), "version": each.version, "digest": each.digest, "uses": sorted(each.uses)}
            for each in consents
        ],
        "log": [
            {"at": entry.at.isoformat(), "kind": entry.kind, **entry.details}
            for entry in storage.audit.entries(person=storage.audit.pseudonym(user_id), tenant=storage.tenant)
        ],
    }
