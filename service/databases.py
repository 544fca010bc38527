"""The databases and the master key that settings name. Loads no model, and nothing that does."""

from collections.abc import Callable
from datetime import UTC, datetime

from db.engine import database_of
from db.errors import StorageUnavailable
from db.key_file import KeyFile
from db.keys import EnvironmentKey, KeyProvider
from db.pkcs11_keys import IntoModule, Pkcs11Keys
from db.reading import Databases
from db.storage import Storage
from service.errors import UnsafeSettings
from service.settings import Settings

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def open_storage(settings: Settings, now: Clock = utc_now) -> Storage:
    """The databases and the master key, made on first start. Raises what `Storage.open` raises."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"{settings.home} cannot be made: {error.strerror}") from None
    if database_of(settings.data_url) == database_of(settings.keys_url):
        raise UnsafeSettings("FACEWARDEN_DATABASE_URL and FACEWARDEN_KEYSTORE_URL name one database: keys lie apart")
    return Storage.open(settings.data_url, settings.keys_url, key_provider(settings), clock=now)


def key_provider(settings: Settings) -> KeyProvider:
    """Where the settings say that the master key is."""
    if settings.master_key is not None:
        previous = settings.master_key_previous
        return EnvironmentKey(
            settings.master_key.get_secret_value(), None if previous is None else previous.get_secret_value()
        )
    file = KeyFile(settings.key_file)
    if settings.pkcs11_module is not None and settings.pkcs11_token is not None and settings.pkcs11_pin is not None:
        pin = settings.pkcs11_pin.get_secret_value()
        return IntoModule(Pkcs11Keys(settings.pkcs11_module, settings.pkcs11_token, pin, settings.pkcs11_key), file)
    return file


def to_read(settings: Settings) -> Databases | None:
    """The same for processes that only read; None where the master key is in a module that a copy of this process
    could not use."""
    if settings.pkcs11_module is not None:
        return None
    return Databases(settings.data_url, settings.keys_url, key_provider(settings))
