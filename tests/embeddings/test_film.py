import os
from collections import Counter
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest

from embeddings.film import Film, FilmLimits
from embeddings.film_refusals import AudioNotCopied, BrokenFilm, FilmRefused, FilmTooLarge, UnsupportedFilm
from embeddings.film_writer import FilmCodec, FilmShape, FilmWriter, container_of
from embeddings.types import Pixels
from tests.damaged_films import damaged
from tests.films import film, passing

DAMAGED = 3000 if os.environ.get("FACEWARDEN_TEST_LONG") == "1" else 300


def quarters(width: int = 96, height: int = 64) -> Pixels:
    """Red, green, blue and white."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = (200, 40, 40)
    picture[: height // 2, width // 2 :] = (40, 180, 40)
    picture[height // 2 :, : width // 2] = (40, 40, 200)
    picture[height // 2 :, width // 2 :] = 230
    return picture


def written(source: Film, codec: FilmCodec, kind: str) -> bytes:
    file = BytesIO()
    shape = FilmShape(source.width, source.height, source.time_base, source.rate, source.aspect)
    with FilmWriter(file, kind, codec, shape) as writer:
        for frame in source.frames():
            assert frame.pixels is not None
            writer.write(frame.pixels, frame.ticks)
    return file.getvalue()


def test_frames_come_as_they_were_written_from_memory_and_from_a_file_as_often_as_asked(tmp_path: Path) -> None:
    pictures = passing(6)
    data = film(pictures)
    path = tmp_path / "concat:film.mp4"  # a name that FFmpeg would read as an instruction
    path.write_bytes(data)
    for source in (Film(data), Film(path)):
        assert (source.width, source.height, source.about_frames) == (320, 240, 6)
        for _ in range(2):
            frames = list(source.frames())
            assert [frame.number for frame in frames] == list(range(6))
            for frame, picture in zip(frames, pictures, strict=True):
                assert frame.pixels is not None
                assert np.abs(frame.pixels.astype(int) - picture).mean() < 3


@pytest.mark.parametrize(("codec", "kind"), [(FilmCodec.VP9, "webm"), (FilmCodec.H264, "mp4")])
def test_times_and_colours_are_kept(codec: FilmCodec, kind: str) -> None:
    ticks = [0, 40, 55, 200, 210, 1000]
    source = Film(film([quarters()] * 6, ticks=ticks))
    finished = list(Film(written(source, codec, kind)).frames())
    assert [round(1000 * frame.seconds) for frame in finished] == ticks
    for frame in finished:
        assert frame.pixels is not None
        for y, x in ((16, 24), (16, 72), (48, 24), (48, 72)):
            assert np.abs(frame.pixels[y, x].astype(int) - quarters()[y, x]).max() < 12


@pytest.mark.parametrize(("turned", "quarter_turns"), [(90, 1), (180, 2), (-90, 3)])
def test_a_turned_film_is_upright(turned: int, quarter_turns: int) -> None:
    source = Film(film([quarters()] * 2, turned=turned))
    shown = np.rot90(quarters(), quarter_turns)
    assert (source.height, source.width) == shown.shape[:2]
    frame = next(source.frames())
    assert frame.pixels is not None
    assert np.abs(frame.pixels.astype(int) - shown).mean() < 6


def test_nothing_that_was_told_about_a_film_is_written() -> None:
    data = film(passing(3), title="Secret wedding", sound=True)
    assert b"Secret wedding" in data
    for codec, kind in ((FilmCodec.VP9, "webm"), (FilmCodec.H264, "mp4"), (FilmCodec.H264, "matroska")):
        finished = written(Film(data), codec, kind)
        assert b"Secret" not in finished
        assert b"48.13" not in finished
        with av.open(BytesIO(finished)) as opened:
            assert not opened.metadata.keys() & {"title", "location", "creation_time"}
            assert [stream.type for stream in opened.streams] == ["video"]


def test_sides_that_are_odd_are_written() -> None:
    file = BytesIO()
    with FilmWriter(file, "mp4", FilmCodec.H264, FilmShape(65, 49, Fraction(1, 25), Fraction(25))) as writer:
        writer.write(np.full((49, 65, 3), 90, np.uint8), 0)
    assert (Film(file.getvalue()).width, Film(file.getvalue()).height) == (66, 50)


def test_a_film_that_is_cut_off_ends_there() -> None:
    whole = film(passing(20), kind="matroska")
    frames = list(Film(whole[: len(whole) * 2 // 3]).frames())
    assert 2 < len(frames) < 20


def test_a_frame_that_does_not_decode_is_told_and_no_other_takes_its_place() -> None:
    data = bytearray(film(passing(12), kind="matroska"))
    with av.open(BytesIO(bytes(data)), "r") as opened:
        packets = [bytes(packet) for packet in opened.demux(video=0) if packet.size]
    start = bytes(data).index(packets[5])
    data[start : start + len(packets[5])] = b"\xff" * len(packets[5])
    frames = list(Film(bytes(data)).frames())
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert sum(frame.pixels is None for frame in frames) >= 1


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", UnsupportedFilm),
        (b"GIF89a" + bytes(40), UnsupportedFilm),
        (b"#EXTM3U\nfile:///etc/passwd\n", UnsupportedFilm),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", UnsupportedFilm),
        (b"\x00\x00\x00\x18ftypmp42" + bytes(100), BrokenFilm),
        (b"\x1aE\xdf\xa3" + b"\x7f" * 200, BrokenFilm),
        (film(passing(2))[:700], BrokenFilm),
    ],
)
def test_what_is_no_film_is_refused(data: bytes, refusal: type[FilmRefused]) -> None:
    with pytest.raises(refusal):
        Film(data)


def test_a_damaged_film_is_refused_or_read_and_nothing_else() -> None:
    ends: Counter[str] = Counter()
    for data in damaged(DAMAGED):
        try:
            for frame in Film(data, FilmLimits(max_frames=1000, max_seconds=600)).frames():
                assert frame.pixels is None or frame.pixels.dtype == np.uint8
            ends["read"] += 1
        except FilmRefused as refusal:
            ends[refusal.code] += 1
    assert ends.keys() >= {"read", "broken_film", "unsupported_film"}


def test_limits() -> None:
    data = film(passing(5))
    with pytest.raises(FilmTooLarge):
        Film(data, FilmLimits(max_pixels=320 * 240 - 1))
    with pytest.raises(FilmTooLarge):
        list(Film(data, FilmLimits(max_frames=4)).frames())
    with pytest.raises(FilmTooLarge):
        list(Film(data, FilmLimits(max_seconds=0.1)).frames())
    assert len(list(Film(data, FilmLimits(320 * 240, 5, 0.2)).frames())) == 5


class Copied:
    def __init__(self, writer: FilmWriter) -> None:
        self.begin = writer.with_sound
        self.take = writer.copy


def test_sound_is_copied_where_it_fits() -> None:
    source = Film(film(passing(5), sound=True))
    assert source.audio
    for kind, codec in (("matroska", FilmCodec.VP9), ("mp4", FilmCodec.H264)):
        file = BytesIO()
        with FilmWriter(file, kind, codec, FilmShape(320, 240, source.time_base, source.rate)) as writer:
            for frame in source.frames(Copied(writer)):
                assert frame.pixels is not None
                writer.write(frame.pixels, frame.ticks)
        with av.open(BytesIO(file.getvalue()), "r") as opened:
            assert sum(packet.size > 0 for packet in opened.demux(audio=0)) >= 6
    with FilmWriter(BytesIO(), "webm", FilmCodec.VP9, FilmShape(320, 240, source.time_base, source.rate)) as writer:
        with pytest.raises(AudioNotCopied):
            next(source.frames(Copied(writer)))
        writer.write(passing(2)[0], 0)


def test_which_codec_goes_into_which_file() -> None:
    assert container_of("a.webm", FilmCodec.VP9) == "webm"
    assert container_of("a.MP4", FilmCodec.H264) == "mp4"
    for name, codec in (("a.webm", FilmCodec.H264), ("a.mov", FilmCodec.VP9), ("a", FilmCodec.VP9)):
        with pytest.raises(UnsupportedFilm):
            container_of(name, codec)
