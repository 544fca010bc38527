"""Films made by a test itself: drawn faces, in memory."""

from collections.abc import Iterable
from fractions import Fraction
from io import BytesIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from embeddings.types import Pixels
from tests.drawn_faces import crowd

TICK = Fraction(1, 1000)


def passing(frames: int = 20, width: int = 320, height: int = 240, side: int = 110) -> list[Pixels]:
    """A drawn face that goes from left to right."""
    way = width - side - 20
    return [crowd(width, height, [(10 + way * number // (frames - 1), 60, side)]) for number in range(frames)]


def film(
    pictures: Iterable[Pixels],
    *,
    ticks: Iterable[int] | None = None,
    kind: str = "mp4",
    sound: bool = False,
    turned: float = 0,
    title: str | None = None,
) -> bytes:
    """Encoded by H.264 at 25 frames a second, or at `ticks`, milliseconds of each frame.

    `turned`: degrees that a player turns it by, against the clock. `title`: metadata of file and stream.
    """
    listed = list(pictures)
    times = list(ticks) if ticks is not None else [40 * number for number in range(len(listed))]
    file = BytesIO()
    with av.open(file, "w", format=kind) as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "16", "preset": "ultrafast", "bf": "0"})
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = listed[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = stream.time_base = TICK
        if turned:
            stream.set_display_rotation(turned)
        if title is not None:
            out.metadata["title"] = title
            out.metadata["location"] = "+48.1374+011.5755/"
            stream.metadata["handler_name"] = title
        voice = out.add_stream("aac", rate=8000, layout="mono") if sound else None
        for picture, tick in zip(listed, times, strict=True):
            frame = VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = tick, TICK
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if isinstance(voice, AudioStream):
            _speak(out, voice)
    return file.getvalue()


def _speak(out: "av.container.OutputContainer", voice: AudioStream) -> None:
    for number in range(6):
        tone = np.sin(np.arange(1024) * 0.3).astype(np.float32)[None] * 0.2
        frame = AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 1024 * number, Fraction(1, 8000)
        out.mux(voice.encode(frame))
    out.mux(voice.encode(None))
