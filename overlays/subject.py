"""One face to draw over, with what is known of it."""

from dataclasses import dataclass

from embeddings.types import Face, Mesh


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """`mesh`: only where it was looked for and found; every style draws without it too, by the box and five points.

    `emotion`: a name as in `emojis.EMOTIONS`, or None. `seed`: what is chosen at random (an avatar's skin, hair and
    backdrop) is the same for the same seed; it must not be made from the person.
    """

    face: Face
    mesh: Mesh | None = None
    emotion: str | None = None
    seed: int = 0
