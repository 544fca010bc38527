"""API keys for tests, made as the command line makes them."""

from db.api_keys import Role
from db.storage import Storage
from service.workflows.api_keys import create


def key(storage: Storage, role: Role, *, days: int | None = None) -> str:
    """A new key of the tenant of `storage`, in clear."""
    return create(storage, role, role.value, days, by="test").shown


def keys_in(storage: Storage) -> dict[Role, str]:
    """One of each role."""
    return {role: key(storage, role) for role in Role}
