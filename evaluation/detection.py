"""How many faces a detector finds: recall by size and wrong boxes, on pictures annotated as WIDER FACE's are."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embeddings.types import Box

MATCH_IOU: Final = 0.4


@dataclass(frozen=True, slots=True)
class Annotation:
    """A face somebody marked. `invalid`: marked, but not to be counted on (WIDER FACE's own flag)."""

    box: Box
    invalid: bool = False

    @property
    def size_px(self) -> float:
        """The height in pixels of the picture, as WIDER FACE counts."""
        return self.box.height


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture: what was marked in it and what was detected, boxes with their scores."""

    annotations: tuple[Annotation, ...]
    detected: tuple[tuple[Box, float], ...]


@dataclass(frozen=True, slots=True)
class Recall:
    """Of the valid faces of at least `from_px` (and below `below_px`), `found` of `faces`."""

    from_px: float
    below_px: float
    faces: int
    found: int

    @property
    def share(self) -> float:
        """0 to 1; 0 where there was no face."""
        return self.found / self.faces if self.faces else 0.0


@dataclass(frozen=True, slots=True)
class DetectionReport:
    """`extra_per_picture`: boxes that overlap no annotation, of any size or validity, by MATCH_IOU.

    `far_per_picture`: those of them whose centre lies in no annotation either.
    """

    pictures: int
    recalls: tuple[Recall, ...]
    extra_per_picture: float
    far_per_picture: float


def wider(folder: Path) -> dict[Path, tuple[Annotation, ...]]:
    """The pictures of a folder and their annotations from its boxes.json.

    Its form: `{"file.jpg": {"size": [w, h], "faces": [{"box": [x, y, w, h], "invalid": bool}]}}`.
    """
    entries = json.loads((folder / "boxes.json").read_text(encoding="utf-8"))
    return {
        folder / name: tuple(Annotation(Box(*face["box"]), bool(face["invalid"])) for face in entry["faces"])
        for name, entry in sorted(entries.items())
    }


def matches(annotations: Sequence[Annotation], detected: Sequence[tuple[Box, float]]) -> dict[int, int]:
    """Which detection found which annotation: greedy, strongest first, one to one, overlap of at least MATCH_IOU."""
    found: dict[int, int] = {}
    for index, (box, _) in sorted(enumerate(detected), key=lambda item: -item[1][1]):
        free = [(box.iou(other.box), place) for place, other in enumerate(annotations) if place not in found]
        overlap, place = max(free, default=(0.0, -1))
        if overlap >= MATCH_IOU:
            found[place] = index
    return found


def report(pictures: Iterable[Seen], sizes: Sequence[tuple[float, float]]) -> DetectionReport:
    """Recall for each range of sizes (from, below) in pixels, over all pictures."""
    count, extra, far = 0, 0, 0
    faces, found = [0] * len(sizes), [0] * len(sizes)
    for seen in pictures:
        count += 1
        matched = matches(seen.annotations, seen.detected)
        for place, annotation in enumerate(seen.annotations):
            for row, (smallest, below) in enumerate(sizes):
                if not annotation.invalid and smallest <= annotation.size_px < below:
                    faces[row] += 1
                    found[row] += place in matched
        wrong = [box for box, _ in seen.detected if not any(box.iou(a.box) >= MATCH_IOU for a in seen.annotations)]
        extra += len(wrong)
        far += sum(not any(holds(a.box, box.center) for a in seen.annotations) for box in wrong)
    recalls = tuple(Recall(*sizes[row], faces[row], found[row]) for row in range(len(sizes)))
    return DetectionReport(count, recalls, extra / max(1, count), far / max(1, count))


def holds(box: Box, point: tuple[float, float]) -> bool:
    return box.x <= point[0] <= box.right and box.y <= point[1] <= box.bottom
