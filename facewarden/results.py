"""What calls answer with. Members that a newer service adds are passed over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

Told = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Use:
    """A use that people are asked to agree to, and the sentence that asks."""

    use: str
    text: str
    required: bool


@dataclass(frozen=True, slots=True)
class ConsentText:
    """Send `digest` back as `consent_digest`: it says which text the person saw. `passphrase`: off, optional or
    required."""

    version: str
    digest: str
    uses: tuple[Use, ...]
    passphrase: str

    @classmethod
    def of(cls, told: Told) -> "ConsentText":
        uses = tuple(Use(each["use"], each["text"], each["required"]) for each in told["uses"])
        return cls(told["version"], told["digest"], uses, told["passphrase"])


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`captures`: independent moments among the photos. `recovery_code`: told this once, for the person."""

    user_id: UUID
    created_at: datetime
    photos: int
    captures: int
    attributes: Told = field(repr=False)
    recovery_code: str = field(repr=False)

    @classmethod
    def of(cls, told: Told) -> "Enrolled":
        return cls(
            user_id=UUID(told["user_id"]),
            created_at=datetime.fromisoformat(told["created_at"]),
            photos=told["photos"],
            captures=told["captures"],
            attributes=told["attributes"],
            recovery_code=told["recovery_code"],
        )


@dataclass(frozen=True, slots=True)
class Session:
    """Who it is. `mode`: 1:1 or 1:N; `acr`: the kind of evidence; `fmr`: the false match rate of the comparison.

    `last_login_at`: of the login before. `token`: for the calls about the person; `expires_in`: seconds.
    """

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    mode: str
    acr: str
    fmr: float
    attributes: Told = field(repr=False)
    emotion: Told | None = field(repr=False)
    token: str = field(repr=False)
    expires_in: int

    @classmethod
    def of(cls, told: Told) -> "Session":
        return cls(
            user_id=UUID(told["user_id"]),
            enrolled_at=datetime.fromisoformat(told["enrolled_at"]),
            last_login_at=_moment(told["last_login_at"]),
            mode=told["mode"],
            acr=told["assurance"]["acr"],
            fmr=told["assurance"]["fmr"],
            attributes=told["attributes"],
            emotion=told["emotion"],
            token=told["token"],
            expires_in=told["expires_in"],
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """A token, and the recovery code for the next time."""

    token: str = field(repr=False)
    expires_in: int
    recovery_code: str = field(repr=False)

    @classmethod
    def of(cls, told: Told) -> "Recovered":
        return cls(told["token"], told["expires_in"], told["recovery_code"])


@dataclass(frozen=True, slots=True)
class Me:
    """What is kept about somebody, but for the vectors. `uses`: what they agreed to, in the text of
    `consent_digest`; `passphrase`: whether they have one; `acr`: of the token."""

    user_id: UUID
    enrolled_at: datetime
    last_login_at: datetime | None
    photos: int
    models: tuple[str, ...]
    attributes: Told | None = field(repr=False)
    metadata: Told | None = field(repr=False)
    uses: frozenset[str]
    consent_digest: str
    passphrase: bool
    acr: str

    @classmethod
    def of(cls, told: Told) -> "Me":
        return cls(
            user_id=UUID(told["user_id"]),
            enrolled_at=datetime.fromisoformat(told["enrolled_at"]),
            last_login_at=_moment(told["last_login_at"]),
            photos=told["photos"],
            models=tuple(told["models"]),
            attributes=told["attributes"],
            metadata=told["metadata"],
            uses=frozenset(told["uses"]),
            consent_digest=told["consent_digest"],
            passphrase=told["passphrase"],
            acr=told["acr"],
        )


@dataclass(frozen=True, slots=True)
class Photos:
    """`photos` and `captures` (independent moments) in all; `replaced`: those before are gone."""

    photos: int
    added: int
    captures: int
    replaced: bool

    @classmethod
    def of(cls, told: Told) -> "Photos":
        return cls(told["photos"], told["added"], told["captures"], told["replaced"])


@dataclass(frozen=True, slots=True)
class Erasure:
    """`pending`: the key is destroyed, freed space is still to be cleared. `receipt`: signed, as `facewarden receipts
    verify` takes it, where everything was erased."""

    pending: bool
    receipt: Told | None = field(repr=False)

    @classmethod
    def of(cls, told: Told) -> "Erasure":
        return cls(told["state"] == "pending", told["receipt"])


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of the upright picture."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Face:
    """`points`: image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, pixels.

    `refusals`: codes of what enrolment would object to. `quality`: eye_distance_px, sharpness, brightness, pose.
    """

    box: Box
    score: float
    points: tuple[tuple[float, float], ...]
    quality: Told
    refusals: tuple[str, ...]
    attributes: Told = field(repr=False)

    @classmethod
    def of(cls, told: Told) -> "Face":
        box = told["box"]
        return cls(
            box=Box(box["x"], box["y"], box["width"], box["height"]),
            score=told["score"],
            points=tuple((x, y) for x, y in told["points"]),
            quality=told["quality"],
            refusals=tuple(told["refusals"]),
            attributes=told["attributes"],
        )


@dataclass(frozen=True, slots=True)
class Analysis:
    """A picture's size, pixels, and its faces, the largest first."""

    width: int
    height: int
    faces: tuple[Face, ...]

    @classmethod
    def of(cls, told: Told) -> "Analysis":
        return cls(told["width"], told["height"], tuple(Face.of(each) for each in told["faces"]))


@dataclass(frozen=True, slots=True)
class Overlay:
    """The picture, a fresh file without metadata; how many faces were hidden; the smallest that was sought, pixels."""

    image: bytes = field(repr=False)
    media_type: str
    faces_hidden: int
    smallest_face_px: float


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
