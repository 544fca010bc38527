"""A logged-in session with a hardware module (PKCS#11), opened again when it broke. Needs the extra `pkcs11`."""

import importlib
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from db.errors import MasterKeyError, StorageUnavailable

T = TypeVar("T")
BROKEN: Final = (
    "DeviceError",
    "DeviceRemoved",
    "KeyHandleInvalid",
    "ObjectHandleInvalid",
    "SessionClosed",
    "SessionHandleInvalid",
    "TokenNotPresent",
    "UserNotLoggedIn",
)
"""Exceptions of python-pkcs11 after which a new session may do: the module was restarted, or the key is another's."""


class ModuleSession:
    """One session, opened when it is first needed; calls from several threads take turns.

    `library`: the package python-pkcs11. Raises MasterKeyError where that is not installed.
    """

    def __init__(self, module: Path, token: str, pin: str) -> None:
        try:
            self.library: Any = importlib.import_module("pkcs11")
        except ModuleNotFoundError:
            raise MasterKeyError("a hardware module needs the package python-pkcs11: docs/keys.md") from None
        self._module, self._token, self._pin = module, token, pin
        self._broken = tuple(getattr(self.library, name) for name in BROKEN)
        self._lock = threading.RLock()
        self._session: Any = None
        self._refused = False
        self.objects: dict[bytes, Any] = {}
        """Keys of the open session by their ID; only for `work`."""

    def run(self, work: Callable[[Any], T]) -> T:
        """What `work` gives, called with the session; once more with a new one where the first broke.

        Raises MasterKeyError where the token or its PIN is wrong, StorageUnavailable where the module does not do it.
        """
        with self._lock:
            try:
                try:
                    return work(self._opened())
                except self._broken:
                    self.close()
                    return work(self._opened())
            except self.library.PKCS11Error as error:
                raise StorageUnavailable(f"the hardware module: {type(error).__name__}") from None

    def close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
            self.objects.clear()
            if session is not None:
                with suppress(self.library.PKCS11Error):  # it was broken
                    session.close()

    def _opened(self) -> Any:
        if self._session is None:
            if self._refused:  # a token locks itself after a few wrong PINs
                raise MasterKeyError("the hardware module has refused the PIN")
            self._session = self._open()
        return self._session

    def _open(self) -> Any:
        try:
            token = self.library.lib(str(self._module)).get_token(token_label=self._token)
        except self.library.NoSuchToken:
            raise MasterKeyError(f"the hardware module has no token labelled {self._token}") from None
        except self.library.PKCS11Error as error:
            raise MasterKeyError(f"{self._module} cannot be used: {type(error).__name__}") from None
        try:
            return token.open(rw=True, user_pin=self._pin)
        except self.library.UserAlreadyLoggedIn:
            return token.open(rw=True)  # by another session of this process: the login is the process's
        except (self.library.PinIncorrect, self.library.PinInvalid, self.library.PinLenRange, self.library.PinLocked):
            self._refused = True
            raise MasterKeyError("the hardware module has refused the PIN") from None
