"""No picture reaches the disk or the network: what the service opens while large pictures pass through every route.

The interpreter's audit hook sees Python's own files; strace, where it is installed, sees native code and unnamed
temporary files as well.
"""

import base64
import re
import shutil
import sys
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from tests.portraits import portraits
from tests.story.server import running_service

ROUTES = {"users": {"consent": "true"}, "login": {}, "analyze": {}, "overlays": {"style": "blur"}}
OURS = re.compile(r"(facewarden\.db|keys\.db)(-wal|-shm|-journal)?|master\.key(\.[0-9a-f]+)?(\.new)?")
DEVICES = {"/dev/null", "/dev/tty", "/dev/urandom"}
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")
CALL = re.compile(r'(?P<call>\w+)\((?:AT_FDCWD, |\d+, )?"(?P<path>[^"]*)"(?P<rest>.*)')
MAKING = {
    "creat",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "truncate",
}


def large_pictures() -> dict[str, bytes]:
    """Noise of more than 9 MB as PNG, and a portrait in the middle of noise."""
    noise = np.random.default_rng(1).integers(0, 256, (1760, 1760, 3), np.uint8)
    portrait = cv2.imread(str(portraits().obama))
    assert portrait is not None
    with_face = noise.copy()
    height, width = portrait.shape[:2]
    scale = 1100 / max(height, width)
    portrait = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = portrait.shape[:2]
    with_face[300 : 300 + height, 300 : 300 + width] = portrait
    extra = np.random.default_rng(2).integers(0, 256, (300, 1760, 3), np.uint8)
    encoded = {}
    for name, pixels in (("noise", noise), ("face", np.vstack([with_face, extra]))):
        encoded[name] = cv2.imencode(".png", pixels)[1].tobytes()
        assert 8_500_000 < len(encoded[name]) < 10 * 2**20
    return encoded


def post_everything(base_url: str) -> list[int]:
    """Both pictures through every route, as multipart and as JSON; the status of each answer."""
    answers = []
    with httpx.Client(base_url=base_url, timeout=120) as client:
        for picture in large_pictures().values():
            text = base64.b64encode(picture).decode()
            for route, fields in ROUTES.items():
                multipart = client.post(f"/v1/{route}", files={"image": ("large.png", picture)}, data=fields)
                answers += [multipart, client.post(f"/v1/{route}", json={"image": text, **fields})]
    assert max(answer.status_code for answer in answers) < 500
    return [answer.status_code for answer in answers]


def foreign(paths: set[str], home: Path) -> set[str]:
    """The paths that are neither the service's own nor devices."""
    return {
        path
        for path in paths - DEVICES
        if not path.lstrip("-").isdigit()  # a descriptor that is open already
        and not (Path(path).parent == home and OURS.fullmatch(Path(path).name))
        and not path.startswith("/proc/self/")
    }


@pytest.mark.files
def test_by_the_audit_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, report = tmp_path / "home", tmp_path / "report"
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    with running_service(
        home,
        command=(sys.executable, "-m", "tests.story.audited"),
        AUDIT_REPORT=str(report),
        FACEWARDEN_ALLOW_DUPLICATES="true",
    ) as service:
        statuses = post_everything(service.base_url)
    assert statuses.count(201) == 2
    opened = set(report.read_text().splitlines())
    assert any(path.endswith("facewarden.db") for path in opened)
    assert foreign(opened, home) == set()


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.files
def test_by_strace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    strace = ("strace", "-f", "-qq", "-e", "trace=%file,memfd_create,connect", "-e", "signal=none", "-o", str(trace))
    with running_service(
        home, command=(*strace, sys.executable, "-m", "service.cli.main"), FACEWARDEN_ALLOW_DUPLICATES="true"
    ) as service:
        statuses = post_everything(service.base_url)
    assert statuses.count(201) == 2
    assert not [line for line in trace.read_text().splitlines() if "connect(" in line and "AF_INET" in line]
    calls = [found for line in trace.read_text().splitlines() if (found := CALL.search(line))]
    opened = {
        found["path"]
        for found in calls
        if found["call"] in MAKING or (found["call"].startswith("open") and WRITING.search(found["rest"]))
    }
    assert str(home / "facewarden.db") in opened
    assert foreign(opened, home) == set()
    assert not [found["path"] for found in calls if found["call"] == "memfd_create"]
