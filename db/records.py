"""What goes into the storage and comes out of it, as plain frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
"""A face vector, float32 [dimension]."""


@dataclass(frozen=True, slots=True, eq=False)
class NewTemplate:
    """One photo's vector. `capture`: the number of the independent moment that the photo belongs to. `transform`: the
    generation of the tenant's transform that it is turned by. `grown`: a login adds it."""

    vector: Vector = field(repr=False)
    model_id: str
    capture: int
    transform: int = 0
    grown: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class StoredTemplate:
    """A template that has been opened. `grown`: a login added it."""

    user_id: UUID
    vector: Vector = field(repr=False)
    model_id: str
    capture: int
    created_at: datetime
    transform: int
    grown: bool
    template_id: UUID


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody agreed to: which text (its version and the SHA-256 of its words, hexadecimal) and which uses."""

    at: datetime
    version: str
    digest: str
    uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody enrolled, without vectors. `grown`: how many of the `templates` logins have added. `flagged`: an
    operator should look, for `flag_reason`. `readable`: everything sealed for them opens; told in listings alone, where
    attributes and metadata of others stay out."""

    user_id: UUID
    created_at: datetime
    consent_at: datetime
    last_login_at: datetime | None
    templates: int
    model_ids: tuple[str, ...]
    flagged: bool
    flag_reason: str | None
    attributes: Mapping[str, Any] | None = field(repr=False)
    metadata: Mapping[str, Any] | None = field(repr=False)
    readable: bool = True
    grown: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """`pending`: the keys are destroyed, but freed space still waits for a reader to finish; a sweep clears it."""

    erased: int
    pending: bool


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many records of a person were sealed with a new key; `pending` as in `Erasure`."""

    records: int
    pending: bool
