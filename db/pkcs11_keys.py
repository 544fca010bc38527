"""Master keys that never leave a hardware module: it seals and opens, and this process never sees them.

Each is an AES-256 key on the token that can neither be read nor wrapped out of it. Its CKA_ID is the ID by which
records name it, its CKA_LABEL the configured label and a number that rises with every replacement.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from db.errors import Fault, MasterKeyError, RecordUnreadable
from db.key_file import KeyFile
from db.pkcs11_session import ModuleSession
from db.sealing import KEY_ID_BYTES, Aead


@dataclass(frozen=True, slots=True)
class ModuleKey:
    """AES-256-GCM (CKM_AES_GCM, PKCS#11 3.0 section 2.13) by a key on a token."""

    key_id: bytes
    number: int
    session: ModuleSession = field(repr=False, compare=False)

    def encrypt(self, nonce: bytes, payload: bytes, associated: bytes) -> bytes:
        """Raises MasterKeyError where the key is gone from the token."""
        library = self.session.library
        parameters = library.GCMParams(nonce, associated)

        def work(session: Any) -> bytes:
            key = self._found(session)
            if key is None:
                raise MasterKeyError("the master key is gone from the hardware module")
            return bytes(key.encrypt(payload, mechanism=library.Mechanism.AES_GCM, mechanism_param=parameters))

        return self.session.run(work)

    def decrypt(self, nonce: bytes, sealed: bytes, associated: bytes) -> bytes:
        """Raises RecordUnreadable, also where the key is gone from the token."""
        library = self.session.library
        parameters = library.GCMParams(nonce, associated)
        # PKCS#11 2.40 has no code of its own for a tag that does not verify; SoftHSM says GeneralError.
        refused = (library.EncryptedDataInvalid, library.EncryptedDataLenRange, library.GeneralError)

        def work(session: Any) -> bytes:
            key = self._found(session)
            if key is None:
                raise RecordUnreadable(Fault.KEY)
            try:
                return bytes(key.decrypt(sealed, mechanism=library.Mechanism.AES_GCM, mechanism_param=parameters))
            except refused:
                raise RecordUnreadable(Fault.PAYLOAD) from None

        return self.session.run(work)

    def destroy_in(self, session: Any) -> None:
        """Destroys the key on the token; passes over one that is gone."""
        key = self._found(session)
        if key is not None:
            key.destroy()

    def _found(self, session: Any) -> Any:
        """The key on the token, looked for once a session; None where it is gone."""
        if self.key_id not in self.session.objects:
            attribute, kind = self.session.library.Attribute, self.session.library.ObjectClass
            for key in list(session.get_objects({attribute.CLASS: kind.SECRET_KEY, attribute.ID: self.key_id})):
                self.session.objects[self.key_id] = key
        return self.session.objects.get(self.key_id)


class Pkcs11Keys:
    """A `KeyProvider` over the keys on a token whose label begins with `label`."""

    def __init__(self, module: Path, token: str, pin: str, label: str) -> None:
        self._session = ModuleSession(module, token, pin)
        self._label = label

    def found(self) -> list[ModuleKey]:
        """The keys there are, the newest first."""
        library = self._session.library
        wanted = {
            library.Attribute.CLASS: library.ObjectClass.SECRET_KEY,
            library.Attribute.KEY_TYPE: library.KeyType.AES,
        }

        def work(session: Any) -> list[ModuleKey]:
            labelled = [(str(key.label), bytes(key.id)) for key in list(session.get_objects(wanted))]
            return [
                ModuleKey(key_id, number, self._session)
                for label, key_id in labelled
                if (number := self._number(label)) is not None and len(key_id) == KEY_ID_BYTES
            ]

        return sorted(self._session.run(work), key=lambda key: (key.number, key.key_id), reverse=True)

    def _number(self, label: str) -> int | None:
        name, _, number = label.rpartition(" ")
        return int(number) if name == self._label and number.isdecimal() else None

    def load(self, *, may_create: bool) -> Sequence[Aead]:
        """The newest first; made where there is none and `may_create`. Raises MasterKeyError, StorageUnavailable."""
        keys = self.found()
        if not keys and not may_create:
            raise MasterKeyError(
                f"the hardware module has no key labelled {self._label}, and there is data sealed with it"
            )
        return keys or [self._made(1)]

    def pending(self, current: bytes) -> Aead | None:  # noqa: ARG002 - the token tells by itself
        """The newest key, where there are others besides it."""
        keys = self.found()
        return keys[0] if len(keys) > 1 else None

    def prepare(self, current: bytes) -> Aead:  # noqa: ARG002 - the token tells by itself
        """A new key, made by the module."""
        return self._made(1 + max((key.number for key in self.found()), default=0))

    def _made(self, number: int) -> ModuleKey:
        library, key_id = self._session.library, os.urandom(KEY_ID_BYTES)
        attribute = library.Attribute
        template = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False, attribute.PRIVATE: True}
        self._session.run(
            lambda session: session.generate_key(
                library.KeyType.AES,
                256,
                id=key_id,
                label=f"{self._label} {number}",
                store=True,
                capabilities=library.MechanismFlag.ENCRYPT | library.MechanismFlag.DECRYPT,
                template=template,
            )
        )
        return ModuleKey(key_id, number, self._session)

    def retire(self, keep: bytes) -> bool:
        """Destroys the other keys on the token."""
        keys = self.found()
        if keep not in {key.key_id for key in keys}:
            raise MasterKeyError("the key that the store is sealed with is not on the token")
        for other in keys:
            if other.key_id != keep:
                self._session.run(other.destroy_in)
        return True


class IntoModule:
    """A `KeyProvider` that leads from a key file, where there is one left, into a hardware module."""

    def __init__(self, module: Pkcs11Keys, file: KeyFile) -> None:
        self._module = module
        self._file = file

    def load(self, *, may_create: bool) -> Sequence[Aead]:
        """The keys of both. A file is never made."""
        kept = self._file.found()
        return [*self._module.found(), *kept] if kept else self._module.load(may_create=may_create)

    def pending(self, current: bytes) -> Aead | None:
        """The newest key on the token, where a file is left beside it."""
        keys = self._module.found()
        if not self._file.exists():
            return self._module.pending(current)
        return keys[0] if keys else self._file.pending(current)

    def prepare(self, current: bytes) -> Aead:
        """A new key on the token."""
        return self._module.prepare(current)

    def retire(self, keep: bytes) -> bool:
        """Destroys the other keys on the token, then the file; or what is beside the file, where its key is kept."""
        if self._file.exists() and not self._module.found():
            return self._file.retire(keep)
        self._module.retire(keep)
        self._file.destroy()
        return True
