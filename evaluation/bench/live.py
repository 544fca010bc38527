"""Part (i): frames of a camera, drawn over live: how many a second come back over a real WebSocket.

The server is held to CORES cores; the cameras run beside it on whatever is left. A camera sends CAMERA_RATE frames a
second, as a webcam does, whatever comes back; those that a newer one overtakes have no answer.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from websockets.sync.client import ClientConnection, connect

from embeddings.detect import CenterFace, Purpose
from embeddings.image import ImageLimits, decode
from embeddings.onnx import Runtime
from evaluation.bench.client import Client, multipart
from evaluation.bench.pictures import framed, main_face
from evaluation.bench.server import HOST, Server, ServiceFailed
from evaluation.bench.timing import Times, pinned, timed

CORES: Final = 2
CAMERAS: Final = (1, 2)
CAMERA_RATE: Final = 30
STYLE: Final = "blur"
POSITIONS: Final = 24
SEARCHES: Final = 8
"""Timed before each turn of the cameras: what one frame is compared with, on the machine as it is at that moment."""


@dataclass(frozen=True, slots=True)
class Work:
    """`seconds`: that the cameras run in a turn; `logins`: timed alone and beside two cameras."""

    turns: int
    seconds: float
    logins: int


def moving(frame: bytes) -> list[bytes]:
    """The face of a webcam frame going to and fro: JPEGs of 640 x 480. Raises ImageRefused, FaceRefused."""
    pixels, face, _ = main_face(frame)
    angles = np.linspace(0, 2 * np.pi, POSITIONS, endpoint=False)
    return [framed(pixels, face, shift=(60 * float(np.sin(angle)), 15 * float(np.cos(angle)))) for angle in angles]


def measure(server: Server, frame: bytes, work: Work) -> dict[str, Any]:
    """`server`: one that `pinned(CORES)` started. `frame_over_search`: the time a frame took on average, over the time
    of one search at one scale. Raises ImageRefused, FaceRefused, ServiceFailed."""
    frames = moving(frame)
    search = Search(frames[0])
    searches: list[float] = []
    rates: dict[int, list[float]] = {count: [] for count in CAMERAS}
    gaps: dict[int, list[float]] = {count: [] for count in CAMERAS}
    for _ in range(work.turns):
        for count in CAMERAS:
            searches += [search() for _ in range(SEARCHES)]
            cameras = Cameras(server.port, frames, count)
            cameras.run(work.seconds)
            rates[count] += cameras.rates
            gaps[count] += cameras.gaps
    one = Times(tuple(searches))
    found: dict[str, Any] = {"cores": CORES, "style": STYLE, "search": one.as_json(), "cameras": {}}
    for count in CAMERAS:
        rate = float(np.median(rates[count]))
        over = round(1000 / rate / one.median, 2)
        each = {"frames_per_second_each": round(rate, 1), "least": round(min(rates[count]), 1)}
        found["cameras"][str(count)] = {**each, "frame_over_search": over, "gap": Times(tuple(gaps[count])).as_json()}
    return found | {"logins": _logins(server, frame, frames, work.logins)}


class Search:
    """One search at one scale, as most frames get, on one core: milliseconds."""

    def __init__(self, frame: bytes) -> None:
        detector, pixels = CenterFace.load(Runtime(1)), decode(frame, ImageLimits()).pixels
        self._call = timed(lambda: detector.detect(pixels, Purpose.GLANCE))
        self._call()

    def __call__(self) -> float:
        with pinned(1):
            return self._call()


class Cameras:
    """So many connections, a thread each. After `run`, `rates`: frames a second of each; `gaps`: ms from one
    answer to the next, of all."""

    def __init__(self, port: int, frames: Sequence[bytes], count: int) -> None:
        self._url = f"ws://{HOST}:{port}/v1/live?style={STYLE}"
        self._frames = frames
        self._count = count
        self._stop = threading.Event()
        self._ready = threading.Semaphore(0)
        self.rates: list[float] = []
        self.gaps: list[float] = []

    def run(self, seconds: float) -> None:
        """For so long, or until `stop`. Raises ServiceFailed."""
        threads = [threading.Thread(target=self._one, args=(seconds,)) for _ in range(self._count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(self.rates) != self._count:
            raise ServiceFailed("a live connection broke off")

    def wait(self) -> None:
        """Until each has had its first answer."""
        for _ in range(self._count):
            self._ready.acquire(timeout=60)

    def stop(self) -> None:
        self._stop.set()

    def _one(self, seconds: float) -> None:
        with connect(self._url, compression=None) as socket:
            socket.send(self._frames[0])
            socket.recv(timeout=60)  # the first frame is searched thoroughly
            self._ready.release()
            done = threading.Event()
            sending = threading.Thread(target=self._film, args=(socket, done))
            sending.start()
            start = last = time.perf_counter()
            back = 0
            while time.perf_counter() - start < seconds and not self._stop.is_set():
                socket.recv(timeout=60)
                now = time.perf_counter()
                self.gaps.append((now - last) * 1000)
                back, last = back + 1, now
            done.set()
            sending.join()
            self.rates.append(back / (last - start) if back else 0.0)

    def _film(self, socket: ClientConnection, done: threading.Event) -> None:
        number, start = 0, time.perf_counter()
        while not done.wait(max(0.0, start + number / CAMERA_RATE - time.perf_counter())):
            socket.send(self._frames[number % len(self._frames)])
            number += 1


def _logins(server: Server, frame: bytes, frames: Sequence[bytes], number: int) -> dict[str, Any]:
    """Logins alone and beside two cameras: do films and cameras leave them the cores?"""
    client = Client(server.port)
    body = multipart(frame, {"user_id": str(client.enrol(frame))})
    alone = Times(tuple(client.login(body).milliseconds for _ in range(number)))
    cameras = Cameras(server.port, frames, CAMERAS[-1])
    running = threading.Thread(target=cameras.run, args=(600.0,))
    running.start()
    cameras.wait()
    beside = Times(tuple(client.login(body).milliseconds for _ in range(number)))
    cameras.stop()
    running.join()
    client.close()
    return {"alone": alone.as_json(), "beside_two": beside.as_json(), "ratio": round(beside.median / alone.median, 2)}
