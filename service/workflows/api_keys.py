"""Making, listing and revoking API keys; each making and each end is in the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from db.api_keys import ApiKey, Role
from db.storage import Storage
from service.errors import UnknownApiKey

LONGEST_NAME: Final = 100
LONGEST_LIFE: Final = 3650
"""Days."""


@dataclass(frozen=True, slots=True)
class Made:
    """`shown`: the key in clear, told this once."""

    key: ApiKey
    shown: str = field(repr=False)


def create(storage: Storage, role: Role, name: str, days: int | None, *, by: str) -> Made:
    """A key of the tenant of `storage`; `days`: how long it holds, None for until it is revoked. `by`: who makes it,
    for the log. Raises ValueError for a name or a life that is none, UnknownTenant."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a key's name is 1 to {LONGEST_NAME} characters on one line")
    if days is not None and not 1 <= days <= LONGEST_LIFE:
        raise ValueError(f"a key holds 1 to {LONGEST_LIFE} days")
    with storage.begin() as work:
        work.transform()  # raises where there is no such tenant
        expires_at = None if days is None else work.now + timedelta(days=days)
        key, shown = work.api_keys.add(role, name.strip(), work.now, expires_at)
        work.note("api_key_made", None, key=key.prefix, role=role.value, days=days, by=by)
        work.commit()
    return Made(key, shown)


def listing(storage: Storage) -> Sequence[ApiKey]:
    """Those of the tenant of `storage`, expired ones too."""
    with storage.begin() as work:
        return work.api_keys.all()


def revoke(storage: Storage, prefix: str, *, by: str) -> ApiKey:
    """The key is refused from the next request on. Raises UnknownApiKey."""
    with storage.begin() as work:
        key = work.api_keys.revoke(prefix)
        if key is None:
            raise UnknownApiKey
        work.note("api_key_revoked", None, key=key.prefix, role=key.role.value, by=by)
        work.commit()
    return key
