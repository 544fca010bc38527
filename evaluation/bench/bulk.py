"""Part (f): how fast `facewarden users import` enrols many photos."""

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from evaluation.bench.pictures import framed, main_face
from evaluation.bench.server import ServiceFailed, environment

SUFFIXES: Final = {".jpg", ".jpeg", ".png", ".webp"}
MOST_OF_ONE: Final = 10


def measure(
    command: Sequence[str], home: Path, settings: Mapping[str, str], photos: Path, consent: Path
) -> dict[str, Any]:
    """Imports a folder of people. Seconds are of the whole command, its start included. Raises ServiceFailed."""
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command line
        [*command, "users", "import", str(photos), "--consent-text", str(consent), "--json"],
        env=environment(home, settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    seconds = time.perf_counter() - start
    try:
        told = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()
        raise ServiceFailed("the import failed" + (f": {last[-1]}" if last else "")) from None
    return {
        "photos": told["photos"],
        "people": told["people"],
        "enrolled": len(told["enrolled"]),
        "failed": len(told["failed"]),
        "photos_refused": told["photos_refused"],
        "seconds": round(seconds, 2),
        "photos_per_second": round(told["photos"] / seconds, 1),
    }


def chosen(photos: Path, folder: Path, count: int) -> Path:
    """A folder that links to about `count` pictures of the people in `photos`, whole people, by name."""
    folder.mkdir()
    taken = 0
    for person in sorted(path for path in photos.iterdir() if path.is_dir()):
        pictures = sorted(path for path in person.iterdir() if path.suffix.lower() in SUFFIXES)[:MOST_OF_ONE]
        if not pictures or taken + len(pictures) > count:
            continue
        (folder / person.name).mkdir()
        for picture in pictures:
            (folder / person.name / picture.name).symlink_to(picture.resolve())
        taken += len(pictures)
    return folder


def made(portrait: bytes, folder: Path, count: int) -> Path:
    """A folder of `count` "people", one webcam frame each: all of the published portrait, a little moved each time."""
    pixels, face, _ = main_face(portrait)
    for number in range(count):
        shift = (float(number % 41 - 20), float(number // 41 % 41 - 20))
        person = folder / f"{number:05}"
        person.mkdir(parents=True)
        (person / "1.jpg").write_bytes(framed(pixels, face, shift=shift))
    return folder
