"""The part of `facewarden overlay` that is for films."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from embeddings.film_writer import FilmCodec, container_of
from embeddings.pipeline import FacePipeline
from service.workers import usable_cores
from service.workflows.film import CHECKED_EVERY, FilmDone, FilmOverlay, FilmRequest, Progress
from service.workflows.overlay import OverlayRequest
from service.workflows.overlay_folder import Job

ENDINGS: Final = {FilmCodec.VP9: ".webm", FilmCodec.H264: ".mp4"}
"""Of a new film that nobody named."""
STAGES: Final = {"find": "finding faces", "draw": "drawing", "check": "searching the new film"}


@dataclass(frozen=True, slots=True)
class FilmOptions:
    """`check_every`: frames from one searched again to the next; None for the usual."""

    codec: FilmCodec
    audio: bool
    check_every: int | None


class FilmMaker:
    """Called with a film, the new file and a seed; tells of its progress in the terminal."""

    def __init__(self, pipeline: FacePipeline, request: OverlayRequest, options: FilmOptions) -> None:
        self._overlay = FilmOverlay(pipeline, usable_cores())
        self._request = request
        self._options = options

    def __call__(self, source: Path, target: Path, seed: int) -> FilmDone:
        """The whole new file or none. Raises FilmRefused, NotHidden, OSError."""
        request, options = self._request, self._options
        asked = FilmRequest(
            source,
            request.styles,
            options.codec,
            container_of(target.name, options.codec),
            audio=options.audio,
            check_every=(options.check_every or CHECKED_EVERY) if request.check else 0,
            seed=seed,
        )
        beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        try:
            done = self._drawn(asked, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
        return done

    def _drawn(self, asked: FilmRequest, target: Path) -> FilmDone:
        with Bars(console=Console(stderr=True), transient=True) as bars, target.open("w+b") as file:
            tasks: dict[str, TaskID] = {}

            def tell(now: Progress) -> None:
                if now.stage not in tasks:
                    tasks[now.stage] = bars.add_task(STAGES[now.stage])
                bars.update(tasks[now.stage], completed=now.done, total=now.about)

            return self._overlay(asked, file, tell)


def renamed(films: Sequence[Job], codec: FilmCodec) -> list[Job]:
    """The same, their new names ending as the codec asks."""
    return [replace(each, target=each.target.with_suffix(ENDINGS[codec])) for each in films]


def film_target(source: Path, target: Path, request: OverlayRequest, codec: FilmCodec, *, overwrite: bool) -> Path:
    """The new file of a film named by itself. Raises BadParameter."""
    if request.which.by_person:
        raise typer.BadParameter("in a film every face is drawn on", param_hint="--only, --except-enrolled")
    target = target / source.with_suffix(ENDINGS[codec]).name if target.is_dir() else target
    if source.resolve() == target.resolve():
        raise typer.BadParameter("the originals are not written over", param_hint="OUT")
    if target.exists() and not overwrite:
        raise typer.BadParameter("there is a file already; --overwrite replaces it", param_hint="OUT")
    return target


def tell_film(target: Path, request: OverlayRequest, done: FilmDone, *, as_json: bool) -> None:
    if as_json:
        report: dict[str, Any] = {"file": target.name, "styles": [style.name for style in request.styles]}
        print(json.dumps(report | asdict(done), indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{target.name}: {in_words(done)}", markup=False)
    if not done.hides:
        console.print("None of these styles hides a face.")


def in_words(done: FilmDone) -> str:
    told = f"{done.frames} frames, {done.faces} faces followed, {done.blacked_out} black"
    if done.checked is None:
        return told
    found = f"{done.detectable} covers with a face on them, {done.bare} faces beside them, none that still matches"
    return f"{told}; of {done.checked} frames searched again: {found}"
