"""Films through the whole pipeline: drawn faces, real detector, real codecs."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import ClassVar

import numpy as np
import pytest

from embeddings.film import Film
from embeddings.film_writer import FilmCodec
from embeddings.types import Pixels
from overlays.looks import Look
from overlays.style import style
from overlays.subject import Subject
from service.bootstrap import Application
from service.workflows.film import FilmOverlay, FilmRequest, Progress
from tests.films import film, passing

GREY = np.array([120, 140, 150])
SIDE, COUNT = 110, 16


@pytest.fixture
def hide(application: Application) -> FilmOverlay:
    return FilmOverlay(application.pipeline)


def pixels_of(data: bytes) -> list[Pixels]:
    return [frame.pixels for frame in Film(data).frames() if frame.pixels is not None]


def inner_face(number: int, count: int = COUNT) -> tuple[slice, slice]:
    """Where the drawn face's eyes, nose and mouth are."""
    left = 10 + (320 - SIDE - 20) * number // (count - 1)
    return slice(60 + 45, 60 + 95), slice(left + 32, left + 78)


def test_a_face_that_passes_is_hidden_in_every_frame_and_nothing_else_is(hide: FilmOverlay) -> None:
    target = BytesIO()
    told: list[Progress] = []
    done = hide(FilmRequest(film(passing(COUNT)), [style("solid")], check_every=5), target, told.append)
    assert (done.frames, done.faces, done.blacked_out, done.hides) == (COUNT, 1, 0, True)
    assert (done.checked, done.detectable, done.bare) == (4, 0, 0)
    for number, picture in enumerate(pixels_of(target.getvalue())):
        assert picture[inner_face(number)].std() < 6
        far = picture[200:, :60] if number > COUNT // 2 else picture[200:, 260:]
        assert np.abs(far.astype(int) - GREY).mean() < 6
    assert [each.stage for each in told if each.done == 1] == ["find", "draw", "check"]
    assert told[-1].done == told[-1].about == COUNT


def test_a_face_that_is_lost_for_some_frames_stays_hidden(hide: FilmOverlay) -> None:
    pictures = passing(COUNT)
    bare = pictures[0].copy()
    bare[:] = GREY
    shown = [bare if number in {6, 7} else each for number, each in enumerate(pictures)]
    target = BytesIO()
    hide(FilmRequest(film(shown), [style("solid")], check_every=0), target)
    for number in (6, 7):
        assert pixels_of(target.getvalue())[number][inner_face(number)].mean() < 60


def test_frames_that_cannot_be_processed_are_black(application: Application) -> None:
    class Failing(FilmOverlay):
        calls = 0

        def _seen(self, pixels, purpose):  # type: ignore[no-untyped-def]
            self.calls += 1
            return None if self.calls == 4 else super()._seen(pixels, purpose)

    target = BytesIO()
    done = Failing(application.pipeline)(FilmRequest(film(passing(8)), [style("blur")], check_every=0), target)
    means = [picture.mean() for picture in pixels_of(target.getvalue())]
    assert done.blacked_out == 1
    assert [number for number, mean in enumerate(means) if mean < 20] == [3]


class Decoration:
    name: ClassVar[str] = "decoration"
    title: ClassVar[str] = "Decoration"
    hides: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[Mapping[str, Look]] = {}

    def draw(self, pixels: Pixels, subjects: Sequence[Subject]) -> Pixels:  # noqa: ARG002
        return pixels.copy()


def test_a_style_that_does_not_hide_says_so(hide: FilmOverlay) -> None:
    done = hide(FilmRequest(film(passing(4)), [Decoration()]), BytesIO())
    assert not done.hides
    assert done.checked is None


def test_sound_is_dropped_unless_asked_for(hide: FilmOverlay) -> None:
    data = film(passing(4), sound=True)
    for audio in (False, True):
        target = BytesIO()
        hide(FilmRequest(data, [style("solid")], FilmCodec.H264, "mp4", audio=audio, check_every=0), target)
        assert Film(target.getvalue()).audio is audio


def test_who_is_told_of_the_progress_may_end_it(hide: FilmOverlay) -> None:
    class Stopped(Exception):
        pass

    def stop(now: Progress) -> None:
        if now.done == 3:
            raise Stopped

    with pytest.raises(Stopped):
        hide(FilmRequest(film(passing(6)), [style("solid")]), BytesIO(), stop)
