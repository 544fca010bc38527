"""What is kept of a passed challenge for the minute until it is used: vectors and what a face appears to be.

It is sealed under a key made of the nonce, which only the caller has: neither the database nor the master key opens it.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from db.payloads import pack_mapping, pack_vector, unpack_mapping, unpack_vector
from db.sealing import Place, SealingKey, open_record, seal
from embeddings.attributes import (
    KINDS,
    Age,
    ApparentEmotion,
    ApparentGender,
    Attributes,
    Emotion,
    Gender,
    described,
)
from embeddings.types import FaceVector

KIND: Final = "challenge"
_DOMAIN: Final = b"facewarden challenge 1 "


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One frame of a passed challenge. A `Capture` without the picture's geometry. `before`: its vector by the previous
    embedder, while there is one."""

    vector: FaceVector = field(repr=False)
    attributes: Attributes
    good: bool = False
    before: FaceVector | None = field(default=None, repr=False)

    def by(self, model_id: str) -> "Moment | None":
        """The same with the vector of that model; None without one."""
        if self.vector.model_id == model_id:
            return self
        if self.before is None or self.before.model_id != model_id:
            return None
        return replace(self, vector=self.before, before=None)


def sealing_key(secret: bytes, challenge_id: UUID, nonce: bytes) -> SealingKey:
    """`secret`: the service's own, 32 bytes; `nonce`: in clear, kept nowhere."""
    made = hmac.new(secret, _DOMAIN + challenge_id.bytes + nonce, hashlib.sha256).digest()
    return SealingKey(challenge_id.bytes, made)


def sealed(key: SealingKey, challenge_id: UUID, moments: Sequence[Moment]) -> bytes:
    """Raises ValueError for none."""
    rows = [
        {
            "vectors": {
                each.model_id: base64.b64encode(pack_vector(each.values)).decode() for each in _vectors(moment)
            },
            "looks": described(moment.attributes, KINDS),
            "good": moment.good,
        }
        for moment in moments
    ]
    if not rows:
        raise ValueError("a passed challenge keeps a frame at least")
    record = {"model": moments[0].vector.model_id, "moments": rows}
    return seal(key, Place(KIND, challenge_id), pack_mapping(record))


def opened(key: SealingKey, challenge_id: UUID, record: bytes) -> list[Moment]:
    """Raises RecordUnreadable."""
    values = unpack_mapping(open_record(key, Place(KIND, challenge_id), record))
    return [_moment(row, values["model"]) for row in values["moments"]]


def _vectors(moment: Moment) -> list[FaceVector]:
    return [moment.vector] if moment.before is None else [moment.vector, moment.before]


def _moment(row: Mapping[str, Any], model_id: str) -> Moment:
    found = {name: FaceVector(unpack_vector(base64.b64decode(kept)), name) for name, kept in row["vectors"].items()}
    vector = found.pop(model_id)
    return Moment(vector, _attributes(row["looks"]), row["good"], next(iter(found.values()), None))


def _attributes(looks: Mapping[str, Any]) -> Attributes:
    """The reverse of `described`."""
    age, gender, emotion = (looks.get(kind) for kind in ("age", "gender", "emotion"))
    return Attributes(
        age=Age(**age) if age else None,
        gender=ApparentGender(Gender(gender["value"]), gender["male"], gender["model_id"]) if gender else None,
        emotion=_emotion(emotion) if emotion else None,
    )


def _emotion(kept: Mapping[str, Any]) -> ApparentEmotion:
    shares = {Emotion(name): share for name, share in kept["probabilities"].items()}
    return ApparentEmotion(Emotion(kept["value"]), shares, kept["model_id"])
