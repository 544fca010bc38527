"""Frames out as a fresh film: no metadata of any other, times kept."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import av
import numpy as np
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from embeddings.film_refusals import AudioNotCopied, UnsupportedFilm
from embeddings.types import Pixels

BT709: Final = 1  # ISO/IEC 23091-2: primaries, transfer and matrix


class FilmCodec(StrEnum):
    """What films are written in: all of FFmpeg's encoders here are named in docs/decisions."""

    VP9 = "vp9"
    H264 = "h264"


@dataclass(frozen=True, slots=True)
class _Encoder:
    name: str
    options: dict[str, str]


ENCODERS: Final = {
    FilmCodec.VP9: _Encoder("libvpx-vp9", {"crf": "30", "deadline": "good", "cpu-used": "5", "row-mt": "1"}),
    FilmCodec.H264: _Encoder("libx264", {"crf": "20", "preset": "medium"}),
}
CONTAINERS: Final = {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4"}
ALLOWED: Final = {
    "webm": frozenset({FilmCodec.VP9}),
    "matroska": frozenset(FilmCodec),
    "mp4": frozenset({FilmCodec.H264, FilmCodec.VP9}),
}
AUDIO: Final = {
    "webm": frozenset({"opus", "vorbis"}),
    "matroska": frozenset({"opus", "vorbis", "aac", "mp3", "flac"}),
    "mp4": frozenset({"aac", "mp3", "opus", "flac"}),
}


def container_of(name: str, codec: FilmCodec) -> str:
    """FFmpeg's name of the container for a file name's ending. Raises UnsupportedFilm."""
    kind = CONTAINERS.get(Path(name).suffix.lower())
    if kind is None or codec not in ALLOWED[kind]:
        raise UnsupportedFilm(f"{codec.value} is written to {', '.join(endings(codec))}")
    return kind


def endings(codec: FilmCodec) -> list[str]:
    return [ending for ending, kind in CONTAINERS.items() if codec in ALLOWED[kind]]


@dataclass(frozen=True, slots=True)
class FilmShape:
    """Pixels of a frame, seconds a tick, frames a second (a hint for the encoder), a pixel's width over its height."""

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction = Fraction(1)


class FilmWriter:
    """A context manager that writes to `file`, which must be seekable."""

    def __init__(self, file: BinaryIO, container: str, codec: FilmCodec, shape: FilmShape, threads: int = 1) -> None:
        self._shape = shape
        self._kind = container
        self._out = av.open(file, "w", format=container, options={"fflags": "+bitexact"})  # no version, no date
        encoder = ENCODERS[codec]
        added = self._out.add_stream(encoder.name, rate=shape.rate, options=dict(encoder.options))
        assert isinstance(added, VideoStream)  # noqa: S101 - for the type checker
        self._stream = stream = added
        stream.width, stream.height = shape.width + shape.width % 2, shape.height + shape.height % 2
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 0
        stream.codec_context.time_base = stream.time_base = shape.time_base
        stream.thread_count = threads
        if shape.aspect != 1:
            stream.sample_aspect_ratio = shape.aspect
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = ColorRange.MPEG
        self._sound: AudioStream | None = None
        self._sound_start = Fraction(0)

    def with_sound(self, template: AudioStream, start: Fraction) -> None:
        """Sound like `template`'s is going to be copied, `start` seconds earlier. Raises AudioNotCopied."""
        if template.codec_context.codec.canonical_name not in AUDIO[self._kind]:
            raise AudioNotCopied("this kind of sound does not fit into this kind of file")
        self._sound = self._out.add_stream_from_template(template)
        self._sound_start = start

    def write(self, pixels: Pixels, ticks: int) -> None:
        """One frame, uint8 [height, width, 3], RGB."""
        odd = (pixels.shape[0] % 2, pixels.shape[1] % 2)
        even = np.pad(pixels, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else pixels
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24").reformat(
            format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
        )
        frame.pts, frame.time_base = ticks, self._shape.time_base
        self._out.mux(self._stream.encode(frame))

    def copy(self, packet: "Packet[AudioStream]") -> None:
        """A packet of sound."""
        if self._sound is None or packet.dts is None or packet.pts is None:
            return
        earlier = round(self._sound_start / packet.time_base)
        packet.pts, packet.dts = packet.pts - earlier, packet.dts - earlier
        if packet.pts < 0:
            return
        packet.stream = self._sound
        self._out.mux(packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._out.mux(self._stream.encode(None))
        self._out.close()
