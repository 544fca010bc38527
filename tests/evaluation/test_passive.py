"""A film of several people is cut into them, and what a challenge always looks at is judged for each."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np

from embeddings.detect import Detection, Purpose
from embeddings.liveness.verdict import Outcome
from embeddings.types import Box, Face, Pixels
from evaluation.liveness import crowd
from evaluation.liveness.films import Watched
from evaluation.liveness.passive import always, solid_turns
from tests.embeddings.vectors import random_vector
from tests.evaluation.test_liveness import LIMITS, film

FRAMES, SIDE = 60, 80
COLOURS = {"red": 0, "blue": 2}


class Squares:
    """Finds faces that are a red and a blue square."""

    detector_id = "squares"

    def detect(self, pixels: Pixels, purpose: Purpose) -> Detection:  # noqa: ARG002
        faces = []
        for channel in COLOURS.values():
            others = np.delete(pixels, channel, axis=2).max(axis=2)
            y, x = np.nonzero(pixels[..., channel].astype(int) - others > 90)
            if len(x) > SIDE * SIDE / 2:
                box = Box(float(x.min()), float(y.min()), float(np.ptp(x) + 1), float(np.ptp(y) + 1))
                faces.append(Face(box, 0.9, np.zeros((5, 2), np.float32)))
        return Detection(tuple(faces), 1.0)


def two_people(path: Path) -> Path:
    """The red one walks to the right and leaves after half of the film."""
    with av.open(str(path), "w") as made:
        stream = made.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 240, "yuvj444p"
        for number in range(2 * FRAMES):
            pixels = np.full((240, 640, 3), 40, np.uint8)
            if number < FRAMES:
                pixels[80 : 80 + SIDE, 60 + 2 * number : 60 + 2 * number + SIDE] = (220, 30, 30)
            pixels[60 : 60 + SIDE, 480 : 480 + SIDE] = (30, 30, 220)
            made.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        made.mux(stream.encode(None))
    return path


def test_a_film_of_several_people_is_cut_into_them(tmp_path: Path) -> None:
    path = two_people(tmp_path / "two.avi")
    red, blue = sorted(crowd.tracks(Squares(), path), key=lambda track: track.last)
    assert (red.last, len(red.boxes), blue.last, len(blue.boxes)) == (FRAMES - 1, FRAMES, 2 * FRAMES - 1, 2 * FRAMES)
    for track, channel in ((red, 0), (blue, 2)):
        seen = list(crowd.person(path, track))
        assert len(seen) == len(track.boxes)
        assert {pixels.shape for pixels in seen} == {(crowd.SIDE, crowd.SIDE, 3)}
        middles = np.array([pixels[crowd.SIDE // 2, crowd.SIDE // 2] for pixels in seen])
        assert (middles.argmax(axis=1) == channel).all()  # followed


def outcomes(made: Watched) -> dict[str, Outcome]:
    solid, _ = solid_turns(made)
    return {check.name: check.outcome for check in (solid, *always(made, LIMITS))}


def test_each_check_is_judged_without_any_step() -> None:
    person = film()
    assert set(outcomes(person).values()) == {Outcome.PASSED}
    assert solid_turns(person)[1] == 4
    assert outcomes(film(ratio=0.6))["solid_head"] is Outcome.FAILED
    beside = replace(person, frames=tuple(replace(each, others=1) for each in person.frames))
    assert outcomes(beside)["one_face"] is Outcome.FAILED
    first = next(each for each in person.frames if each.look is not None and each.look.vector is not None)
    assert first.look is not None
    other = replace(first, look=replace(first.look, vector=random_vector(8)))
    swapped = replace(person, frames=tuple(other if each is first else each for each in person.frames))

    assert outcomes(swapped)["one_person"] is Outcome.FAILED
    still = replace(person, frames=person.frames[:20])
    assert (outcomes(still)["solid_head"], solid_turns(still)[1]) == (Outcome.UNDECIDED, 0)
    assert solid_turns(replace(person, frames=()))[0].outcome is Outcome.UNDECIDED
