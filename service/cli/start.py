"""What every command begins with: the settings of this process and what is stored, or the reason why not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from db.storage import Storage
from service.databases import open_storage
from service.settings import Settings, read


def settings(**overrides: object) -> Settings:
    """`overrides` that are not None win over the environment. Raises UnsafeSettings."""
    return read(os.environ, **overrides)


@contextmanager
def opened_storage() -> Iterator[Storage]:
    """The storage of these settings. Raises what `Storage.open` raises."""
    storage = open_storage(settings())
    try:
        yield storage
    finally:
        storage.close()


@contextmanager
def storage_of(tenant: str) -> Iterator[Storage]:
    """The same, of a tenant. Raises UnknownTenant."""
    with opened_storage() as storage:
        with storage.of(tenant).begin() as work:
            work.transform()
        yield storage.of(tenant)
