"""`facewarden demo`: the whole way on published portraits, in a temporary home, with the figures of each step."""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from rich.console import Console

from overlays.style import style
from service.bootstrap import Application, build
from service.errors import NotRecognised
from service.portraits import Portraits, fetch
from service.settings import Settings
from service.workflows.enrol import EnrolRequest
from service.workflows.login import LoginRequest
from service.workflows.overlay import OverlayRequest
from service.workflows.people import By

T = TypeVar("T")
console = Console(highlight=False)


def demo(
    overlay: Annotated[Path, typer.Option(help="Where the picture with the hidden face goes.")] = Path(
        "facewarden-demo.jpg"
    ),
) -> None:
    """Enrol, log in, refuse a stranger, hide a face, erase: on published portraits, with figures."""
    portraits = fetch()
    with tempfile.TemporaryDirectory(prefix="facewarden-demo-") as home:
        seconds, application = _timed(lambda: build(Settings(home=Path(home))))
        _say("start", "models, databases and key ready", seconds)
        try:
            _story(application, portraits, overlay, Path(home))
        finally:
            application.close()


def _story(application: Application, portraits: Portraits, overlay: Path, home: Path) -> None:
    photos = [portraits.obama.read_bytes(), portraits.obama2.read_bytes()]
    seconds, enrolled = _timed(lambda: application.enrol(EnrolRequest(photos, consent=True, label="demo")))
    _say("enrol", f"{enrolled.photos} photos, {enrolled.captures} captures -> {enrolled.user_id}", seconds)

    third = [portraits.obama3.read_bytes()]
    for claim in (enrolled.user_id, None):
        request = LoginRequest(third, claim)
        seconds, session = _timed(partial(application.login, request))
        _say("log in", f"{session.mode}: recognised at a false match rate of {session.fmr:g}", seconds)

    seconds, refused = _timed(lambda: _is_refused(application, portraits, enrolled.user_id))
    _say("stranger", "not recognised" if refused else "[red]recognised, which is wrong[/red]", seconds)

    seconds, hidden = _timed(lambda: application.overlay(OverlayRequest(third[0], [style("blur")])))
    overlay.write_bytes(hidden.image)
    _say(
        "overlay", f"{hidden.faces} face hidden, searched down to {hidden.smallest_face_px:.0f} px: {overlay}", seconds
    )

    seconds, erased = _timed(lambda: application.people.erase([enrolled.user_id], by=By.OPERATOR))
    application.storage.sweep()
    left = _files_that_name(home, enrolled.user_id)
    _say("purge", f"{erased.erased} person erased, {left} of {len(list(home.iterdir()))} files name them", seconds)
    if not refused or left:
        raise typer.Exit(1)


def _is_refused(application: Application, portraits: Portraits, claim: UUID) -> bool:
    try:
        application.login(LoginRequest([portraits.biden.read_bytes()], claim))
    except NotRecognised:
        return True
    return False


def _files_that_name(home: Path, user_id: UUID) -> int:
    spellings = (user_id.bytes, user_id.hex.encode(), str(user_id).encode())
    return sum(any(each in path.read_bytes() for each in spellings) for path in home.iterdir())


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _say(step: str, what: str, seconds: float) -> None:
    console.print(f"[bold]{step:9}[/bold] {what}  [dim]{seconds * 1000:.0f} ms[/dim]", soft_wrap=True)
