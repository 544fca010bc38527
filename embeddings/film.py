"""A film in, upright RGB frames out, one at a time, as often as asked; never more of it in memory than a few frames.

What is taken: MP4/QuickTime, Matroska/WebM and AVI, told by their first bytes, with one of DECODERS in it. FFmpeg's
other demuxers are never tried: some of them open further files or addresses that a file names. Rotation is applied,
other metadata is not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from embeddings.film_refusals import BrokenFilm, FilmTooLarge, UnsupportedFilm
from embeddings.types import Pixels

DECODERS: Final = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg"})
USUAL_RATE: Final = Fraction(25)
HD_FROM: Final = 720
"""Rows from which on a film that does not name its colours means BT.709, below BT.601: what players do."""
COLOURS: Final = {
    1: Colorspace.ITU709,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
}
"""From the numbers of ISO/IEC 23091-2 (matrix coefficients) to those of FFmpeg's scaler."""


class TakesSound(Protocol):
    """`begin` once, before any frame, with seconds from the start of the file to the first frame; then each packet."""

    def begin(self, stream: AudioStream, start: Fraction) -> None: ...

    def take(self, packet: "Packet[AudioStream]") -> None: ...


@dataclass(frozen=True, slots=True)
class FilmLimits:
    """`max_pixels` of a frame; `max_frames` and `max_seconds` of the whole film."""

    max_pixels: int = 10_000_000
    max_frames: int = 10_000_000
    max_seconds: float = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class FilmFrame:
    """`ticks`: when it is shown, in the film's time base, the first frame at 0, rising; `seconds`: the same.

    `pixels`: uint8 [height, width, 3], RGB, upright; None for a frame that could not be decoded.
    """

    number: int
    ticks: int
    seconds: float
    pixels: Pixels | None


class Film:
    """An encoded film, from a file or from memory. `width` and `height`: as shown, of every frame.

    `time_base`: seconds a tick. `about_frames`: how many the file says there are, None where it does not. `aspect`:
    width over height of a pixel as shown. `audio`: whether there is sound.
    """

    def __init__(self, source: Path | bytes, limits: FilmLimits | None = None) -> None:
        """Raises UnsupportedFilm, BrokenFilm, FilmTooLarge, OSError."""
        self._source = source
        self._limits = limits or FilmLimits()
        with self._opened() as file, container(file) as opened:
            stream = self._video(opened)
            first = next(decoded(opened, stream), None)
            if first is None:
                raise BrokenFilm("no frame of the film can be decoded")
            turned = first.rotation % 180 != 0
            self.width, self.height = (first.height, first.width) if turned else (first.width, first.height)
            self.time_base = Fraction(stream.time_base or Fraction(1, 1000))
            self._start = Fraction(first.pts or 0) * self.time_base
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or USUAL_RATE)
            aspect = Fraction(stream.sample_aspect_ratio or 1)
            self.aspect = 1 / aspect if turned and aspect else aspect
            self.audio = bool(opened.streams.audio)
            self.about_frames = stream.frames or about(opened, self.rate)
        if self.width * self.height > self._limits.max_pixels:
            raise FilmTooLarge(f"a frame has more than {self._limits.max_pixels} pixels")

    def frames(self, sound: TakesSound | None = None) -> Iterator[FilmFrame]:
        """Every frame from the beginning; each call reads the film anew. `sound` is given the packets of
        the first sound track. Raises FilmTooLarge where a frame lies beyond the limits."""
        last, start = -1, None
        step = max(1, round(1 / (self.rate * self.time_base)))
        for number, (ticks, frame) in enumerate(self._shown(sound)):
            start = ticks if start is None else start
            at = last + step if ticks is None or start is None else ticks - start
            last = max(at, last + 1)
            seconds = float(last * self.time_base)
            if number >= self._limits.max_frames or seconds > self._limits.max_seconds:
                raise FilmTooLarge("the film is too long")
            yield FilmFrame(number, last, seconds, None if frame is None else self._pixels(frame))

    def _shown(self, sound: TakesSound | None) -> Iterator[tuple[int | None, VideoFrame | None]]:
        """Ticks and frame, in the order in which they are shown; None for a frame that does not decode."""
        with self._opened() as file, container(file) as opened:
            stream = self._video(opened)
            tracks = opened.streams.audio[:1] if sound is not None else ()
            for track in tracks:
                if sound is not None:
                    sound.begin(track, self._start)
            for packet in packets(opened, stream, *tracks):
                if isinstance(packet.stream, AudioStream):
                    if sound is not None and packet.size:
                        sound.take(packet)  # type: ignore[arg-type]
                    continue
                try:
                    frames = list(stream.decode(packet if packet.size else None))
                except av.FFmpegError:
                    if packet.size:
                        yield packet.pts, None
                    continue
                yield from ((frame.pts, frame) for frame in frames)

    def _opened(self) -> BinaryIO:
        # Never a name: FFmpeg reads "concat:" or "http:" in one.
        return self._source.open("rb") if isinstance(self._source, Path) else BytesIO(self._source)

    def _video(self, opened: InputContainer) -> VideoStream:
        if not opened.streams.video:
            raise UnsupportedFilm("there is no moving picture in the file")
        stream = opened.streams.video[0]
        context: VideoCodecContext | None = stream.codec_context  # None, against its stubs, where there is no decoder
        if context is None or context.codec.canonical_name not in DECODERS:
            raise UnsupportedFilm("the moving picture is in a codec that is not read")
        context.options = {"max_pixels": str(4 * self._limits.max_pixels)}
        stream.thread_type = "SLICE"
        return stream

    def _pixels(self, frame: VideoFrame) -> Pixels | None:
        """None for a frame of another size, which belongs to no place in the others."""
        turned = frame.rotation % 180 != 0
        if (self.width, self.height) != ((frame.height, frame.width) if turned else (frame.width, frame.height)):
            return None
        named = COLOURS.get(frame.colorspace, Colorspace.ITU709 if frame.height >= HD_FROM else Colorspace.ITU601)
        plain = frame.reformat(format="rgb24", src_colorspace=named, dst_colorspace=named).to_ndarray()
        return np.ascontiguousarray(np.rot90(plain, round(frame.rotation / 90) % 4), dtype=np.uint8)


def container(file: BinaryIO) -> InputContainer:
    """Raises UnsupportedFilm by its first bytes, BrokenFilm where the demuxer cannot read it."""
    kind = sniffed(file.read(16))
    file.seek(0)
    try:
        return av.open(file, "r", format=kind, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise BrokenFilm("the file cannot be read as a film") from error


def sniffed(start: bytes) -> str:
    """FFmpeg's name of the container. Raises UnsupportedFilm."""
    if start[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
        return "mov"
    if start.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if start.startswith(b"RIFF") and start[8:12] == b"AVI ":
        return "avi"
    raise UnsupportedFilm("the file is no MP4, QuickTime, Matroska, WebM or AVI film")


def packets(
    opened: InputContainer, *streams: VideoStream | AudioStream
) -> "Iterator[Packet[VideoStream | AudioStream]]":
    """Until the end, or until the file cannot be read on: a film that is cut off ends there."""
    coming = iter(opened.demux(*streams))
    while True:
        try:
            packet = next(coming)
        except (StopIteration, av.FFmpegError):
            return
        yield packet  # type: ignore[misc]


def decoded(opened: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames that decode."""
    for packet in packets(opened, stream):
        try:
            yield from stream.decode(packet if packet.size else None)
        except av.FFmpegError:
            continue


def about(opened: InputContainer, rate: Fraction) -> int | None:
    return None if opened.duration is None else max(1, round(opened.duration / 1_000_000 * float(rate)))
