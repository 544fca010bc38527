"""Films: every face followed through the whole film and drawn over, in a fresh film without metadata.

The film is read twice, one frame at a time: once to find faces, of which only boxes are kept, and once to draw. Where a
check is asked for, the finished film is read a last time beside the original, and what it leaves is held against the
promise as for a picture (`service.workflows.overlay_proof`).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet

from embeddings.detect import Purpose
from embeddings.film import Film, FilmFrame, FilmLimits
from embeddings.film_writer import FilmCodec, FilmShape, FilmWriter
from embeddings.image import Picture, PictureFormat
from embeddings.pipeline import FacePipeline
from embeddings.types import Face, Pixels
from overlays.film_tracks import follow
from overlays.scene import Scene
from overlays.style import OverlayStyle
from overlays.tracking import Followed
from service.workflows.moving import Painter
from service.workflows.overlay_proof import NotHidden, Prover

THOROUGHLY_EVERY: Final = 5
"""Frames from one thorough search to the next; those between are searched at one scale (docs/overlays.md)."""
CHECKED_EVERY: Final = 25
"""Frames from one that is checked to the next, where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`stage`: find, draw or check; `done` frames of `about`, None where the film does not say how many it has."""

    stage: str
    done: int
    about: int | None


Tell = Callable[[Progress], None]
"""Told after each frame. What it raises ends the work: so a job is cancelled."""


@dataclass(frozen=True, slots=True)
class FilmRequest:
    """`source`: a file, or the film itself. `container`: FFmpeg's name of it. `audio`: copied instead of dropped.

    `check_every`: frames from one checked to the next, 0 for no check. `seed`: of what a style chooses at random.
    """

    source: Path | bytes = field(repr=False)
    styles: Sequence[OverlayStyle]
    codec: FilmCodec = FilmCodec.VP9
    container: str = "webm"
    audio: bool = False
    check_every: int = CHECKED_EVERY
    thoroughly_every: int = THOROUGHLY_EVERY
    seed: int = 0
    limits: FilmLimits = field(default_factory=FilmLimits)


@dataclass(frozen=True, slots=True)
class FilmDone:
    """`faces`: how many were followed (one who comes back later counts again). `face_frames`: covers drawn.

    `blacked_out`: frames that could not be decoded, searched or drawn, and are black. Of a check: `checked` frames,
    covers a face is still `detectable` on, and faces found `bare` beside every cover; None without one.
    """

    frames: int
    faces: int
    face_frames: int
    blacked_out: int
    hides: bool
    checked: int | None = None
    detectable: int | None = None
    bare: int | None = None


class FilmOverlay:
    """Called with a `FilmRequest`, a seekable file to write to, and who is told of the progress."""

    def __init__(self, pipeline: FacePipeline, threads: int = 1) -> None:
        self._pipeline = pipeline
        self._prover = Prover(pipeline)
        self._threads = threads

    def __call__(self, request: FilmRequest, target: BinaryIO, tell: Tell = lambda _: None) -> FilmDone:
        """Raises FilmRefused, NotHidden, OSError, and what `tell` raises."""
        film = Film(request.source, request.limits)
        found = self._find(film, request, tell)
        painter = Painter(self._pipeline, request.styles)
        black = self._draw(film, request, found, target, tell)
        done = FilmDone(len(found.faces), found.people, sum(map(len, found.faces)), black, painter.hides)
        if not (painter.hides and request.check_every):
            return done
        target.flush()
        source = target.getvalue() if isinstance(target, BytesIO) else Path(target.name)
        checked = self._checked((film, Film(source, request.limits)), request.check_every, found, tell)
        return replace(done, checked=checked[0], detectable=checked[1], bare=checked[2])

    def _find(self, film: Film, request: FilmRequest, tell: Tell) -> "_Found":
        sights: list[Sequence[Face]] = []
        moments: list[float] = []
        failed, scene, since = set[int](), Scene(), request.thoroughly_every
        for frame in film.frames():
            seen: Sequence[Face] | None = None
            if frame.pixels is not None:
                thorough = scene.changed(frame.pixels) or since + 1 >= request.thoroughly_every
                since = 0 if thorough else since + 1
                seen = self._seen(frame.pixels, Purpose.SUSPECT if thorough else Purpose.GLANCE)
            if seen is None:
                failed.add(frame.number)
            sights.append(seen or ())
            moments.append(frame.seconds)
            tell(Progress("find", frame.number + 1, film.about_frames))
        random = np.random.default_rng(request.seed)
        return _Found(follow(sights, moments, (int(random.integers(2**31)) for _ in count())), failed)

    def _seen(self, pixels: Pixels, purpose: Purpose) -> Sequence[Face] | None:
        """None where the search fails: whatever the reason, the frame was not searched and is not shown."""
        with suppress(Exception):
            return self._pipeline.look(pixels, purpose)
        return None

    def _draw(self, film: Film, request: FilmRequest, found: "_Found", target: BinaryIO, tell: Tell) -> int:
        """How many frames were blacked out."""
        shape = FilmShape(film.width, film.height, film.time_base, film.rate, film.aspect)
        painter, black = Painter(self._pipeline, request.styles), 0
        with FilmWriter(target, request.container, request.codec, shape, self._threads) as writer:
            for frame in film.frames(Sound(writer) if request.audio else None):
                drawn = None if frame.number in found.failed else painted(painter, frame, found.faces)
                black += drawn is None
                writer.write(np.zeros((film.height, film.width, 3), np.uint8) if drawn is None else drawn, frame.ticks)
                tell(Progress("draw", frame.number + 1, len(found.faces)))
        return black

    def _checked(self, films: tuple[Film, Film], every: int, found: "_Found", tell: Tell) -> tuple[int, int, int]:
        """Frames checked, covers with a face on them, faces beside all covers. Raises NotHidden for a face that would
        still pass for itself."""
        checked = detectable = left = bare = 0
        for before, after in zip(films[0].frames(), films[1].frames(), strict=False):
            if before.number % every or before.pixels is None or after.pixels is None:
                continue
            height, width = before.pixels.shape[:2]
            finished = Picture(after.pixels[:height, :width], PictureFormat.PNG)  # odd sides were made even
            hidden = [each.face for each in found.faces[before.number]]
            proof = self._prover.of(before.pixels)(finished, hidden, ())
            checked, detectable = checked + 1, detectable + proof.detectable
            left, bare = left + len(proof.left), bare + len(proof.bare)
            tell(Progress("check", before.number + 1, len(found.faces)))
        if left:
            raise NotHidden(left, 0)
        return checked, detectable, bare


@dataclass(frozen=True, slots=True)
class _Found:
    """The faces of each frame, and the frames that could not be searched."""

    faces: Sequence[Sequence[Followed]]
    failed: set[int]

    @property
    def people(self) -> int:
        return len({each.seed for followed in self.faces for each in followed})


class Sound:
    """Copies packets of sound into the film that is written."""

    def __init__(self, writer: FilmWriter) -> None:
        self._writer = writer

    def begin(self, stream: AudioStream, start: Fraction) -> None:
        self._writer.with_sound(stream, start)

    def take(self, packet: "Packet[AudioStream]") -> None:
        self._writer.copy(packet)


def painted(painter: Painter, frame: FilmFrame, tracks: Sequence[Sequence[Followed]]) -> Pixels | None:
    """None for a frame that there is no drawing of."""
    if frame.pixels is None or frame.number >= len(tracks):
        return None
    with suppress(Exception):  # whatever the reason, what is not drawn over is not shown
        return painter(frame.pixels, tracks[frame.number])
    return None
