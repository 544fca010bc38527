"""The wrapping keys that this process knows by now, asked for by their ID."""

import threading
from typing import Final

from db.errors import Fault, RecordUnreadable
from db.keys import KeyProvider
from db.sealing import Aead

TRIES: Final = 3
"""Looks at the provider; a key may move from one place to the next while it is looked for."""


class Keyring:
    """A provider's keys, looked up again when a record names one that is not known. Safe for several threads.

    Raises MasterKeyError where the provider does.
    """

    def __init__(self, provider: KeyProvider, *, may_create: bool) -> None:
        self._provider = provider
        self._lock = threading.Lock()
        keys = provider.load(may_create=may_create)
        self.first: Final = keys[0]
        self._keys = {key.key_id: key for key in keys}

    def get(self, key_id: bytes) -> Aead:
        """Raises RecordUnreadable where the provider has no such key."""
        for attempt in range(TRIES + 1):
            key = self._keys.get(key_id)
            if key is not None:
                return key
            if attempt < TRIES:
                self.refresh()
        raise RecordUnreadable(Fault.KEY)

    def refresh(self) -> None:
        """Takes over what the provider has now; keys that it has destroyed are forgotten here too."""
        with self._lock:
            self._keys = {key.key_id: key for key in self._provider.load(may_create=False)}
