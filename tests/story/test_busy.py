"""More work than the queue holds is refused with the time to wait, and the service goes on."""

import threading
from pathlib import Path

import cv2
import httpx
import numpy as np

from tests.story.server import running_service


def test_a_full_queue_answers_busy_and_recovers(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1600, 1600), np.uint8)
    slow = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()
    small = cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    with running_service(tmp_path / "home", FACEWARDEN_WORKERS="1", FACEWARDEN_QUEUE="0") as service:
        statuses: list[int] = []
        seen = threading.Event()

        def occupy() -> None:
            while 200 not in statuses or not seen.is_set():  # the small requests below may hold the one place as well
                answer = httpx.post(service.base_url + "/v1/overlays", files={"image": slow}, timeout=120)
                statuses.append(answer.status_code)

        busy = threading.Thread(target=occupy)
        busy.start()
        refused = None
        with httpx.Client(base_url=service.base_url, timeout=30) as client:
            while busy.is_alive() and refused is None:
                answer = client.post("/v1/analyze", files={"image": small})
                refused = answer if answer.status_code == 503 else None
                assert client.get("/readyz").status_code == 200
            seen.set()
            busy.join()
            assert set(statuses) <= {200, 503}
            assert refused is not None
            assert refused.json()["code"] == "busy"
            assert int(refused.headers["retry-after"]) >= 1
            assert client.post("/v1/analyze", files={"image": small}).status_code == 200
