"""Part (j): from asking for a page on loopback to its first contentful paint, in Chromium without a window.

Each view is a new browser context, so that nothing is cached; the browser is there already and has seen the page once.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from evaluation.bench.server import HOST, Server, ServiceFailed
from evaluation.bench.timing import Times

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
BARE: Final = "/healthz"
"""One line of text without anything to load: what the browser and the connection take of every view."""
PATHS: Final = (BARE, "/", "/hide", "/operator")
SIZE: Final = {"width": 1280, "height": 900}
PATIENCE_SECONDS: Final = 30
# The paint timing of the page counts from the start of its navigation (W3C Paint Timing, High Resolution Time).
PAINTED: Final = """new Promise((told) => new PerformanceObserver((list) => {
  for (const paint of list.getEntriesByName("first-contentful-paint")) told(paint.startTime);
}).observe({ type: "paint", buffered: true }))"""


def browser() -> str | None:
    """The path of an installed Chromium, if any."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def measure(server: Server, executable: str, rounds: int) -> dict[str, Any]:
    """By path: milliseconds from navigation start to first contentful paint; `times_bare`: the median by that of the
    bare line, viewed in turn with the pages. Raises ServiceFailed."""
    with Browser(executable) as chromium:
        views: dict[str, list[float]] = {path: [] for path in PATHS}
        for turn in range(rounds + 1):
            for path in PATHS:
                seen = chromium.view(f"http://{HOST}:{server.port}{path}")
                if turn:  # the first one warms the browser and the service
                    views[path].append(seen)
    times = {path: Times(tuple(seen)) for path, seen in views.items()}
    bare = times[BARE].median
    return {path: {**seen.as_json(), "times_bare": round(seen.median / bare, 3)} for path, seen in times.items()}


class Browser:
    """Chromium with a profile of its own, spoken to by the DevTools protocol; a context manager."""

    def __init__(self, executable: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="facewarden-bench-", ignore_cleanup_errors=True)
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0")
        self._process = subprocess.Popen(  # noqa: S603 - found on the path
            [executable, *options, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._numbers = count(1)
        with ExitStack() as opened:
            opened.callback(self._stop)
            self._socket = opened.enter_context(connect(self._address(), max_size=None, open_timeout=PATIENCE_SECONDS))
            self._opened = opened.pop_all()

    def _address(self) -> str:
        """Chromium writes its port and path into its profile once it listens."""
        file, end = Path(self._profile.name) / "DevToolsActivePort", time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            lines = file.read_text().split() if file.exists() else []
            if len(lines) == 2:
                return f"ws://{HOST}:{lines[0]}{lines[1]}"
            time.sleep(0.02)
        raise ServiceFailed("the browser did not start")

    def view(self, url: str) -> float:
        """Milliseconds to its first contentful paint, in a context that has seen nothing."""
        context = self._ask("Target.createBrowserContext")["browserContextId"]
        blank = {"url": "about:blank", "browserContextId": context, **SIZE}
        target = self._ask("Target.createTarget", blank)["targetId"]
        session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self._ask("Page.navigate", {"url": url}, session)
        asked = {"expression": PAINTED, "awaitPromise": True, "returnByValue": True}
        painted = float(self._ask("Runtime.evaluate", asked, session)["result"]["value"])
        self._ask("Target.disposeBrowserContext", {"browserContextId": context})
        return painted

    def _ask(self, method: str, params: Mapping[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        number = next(self._numbers)
        asked = {"id": number, "method": method, "params": params or {}}
        try:
            self._socket.send(json.dumps(asked | ({"sessionId": session} if session else {})))
            while True:
                answer = json.loads(self._socket.recv(timeout=PATIENCE_SECONDS))
                if answer.get("id") == number:
                    break
        except (OSError, TimeoutError, WebSocketException) as failure:
            raise ServiceFailed(f"the browser did not answer {method}: {failure}") from failure
        if "error" in answer:
            raise ServiceFailed(f"the browser refused {method}: {answer['error']['message']}")
        return dict(answer["result"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()
