"""The part of `facewarden overlay` that is for films."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from embeddings.film_writer import FilmCodec, container_of
from embeddings.hide import Care
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.settings import Settings
from service.workers import usable_cores
from service.workflows.film import CHECKED_EVERY, FilmDone, FilmOverlay, FilmRequest, Progress
from service.workflows.overlay import OverlayRequest

FILMS: Final = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".3gp"})
STAGES: Final = {"find": "finding faces", "draw": "drawing", "check": "searching the new film"}


def is_film(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in FILMS


def overlay_film(  # noqa: PLR0913 - one parameter an option
    source: Path,
    target: Path,
    request: OverlayRequest,
    chosen: Settings,
    *,
    codec: FilmCodec,
    audio: bool,
    check_every: int | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Raises FilmRefused, NotHidden; then there is no new file."""
    if not request.which.everybody:
        raise typer.BadParameter("in a film every face is drawn on", param_hint="--only, --except-enrolled")
    target = target / source.with_suffix(".webm").name if target.is_dir() else target
    if target.exists() and not overwrite:
        raise typer.BadParameter("there is a file already; --overwrite replaces it", param_hint="OUT")
    asked = FilmRequest(
        source,
        request.styles,
        codec,
        container_of(target.name, codec),
        audio=audio,
        check_every=(check_every or CHECKED_EVERY) if request.check else 0,
        seed=request.seed,
    )
    beside = target.with_name(f".{target.name}.part")
    try:
        done = _drawn(asked, beside, chosen)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    report = {"file": target.name, "styles": [style.name for style in request.styles], **asdict(done)}
    _tell(report, done, as_json=as_json)


def _drawn(asked: FilmRequest, target: Path, chosen: Settings) -> FilmDone:
    pipeline = FacePipeline.load(
        ImageLimits(),
        QualityLimits(),
        backend=chosen.embedder,
        attributes=frozenset(chosen.attributes) & {"emotion"},
        care=Care(chosen.hide),
    )
    with Bars(console=Console(stderr=True), transient=True) as bars, target.open("w+b") as file:
        tasks: dict[str, TaskID] = {}

        def tell(now: Progress) -> None:
            if now.stage not in tasks:
                tasks[now.stage] = bars.add_task(STAGES[now.stage])
            bars.update(tasks[now.stage], completed=now.done, total=now.about)

        return FilmOverlay(pipeline, usable_cores())(asked, file, tell)


def _tell(report: dict[str, Any], done: FilmDone, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{report['file']}: {done.frames} frames, {done.faces} faces followed, {done.blacked_out} black")
    if done.checked is not None:
        found = f"{done.detectable} covers with a face on them, {done.bare} faces beside them, none that still matches"
        console.print(f"of {done.checked} frames searched again: {found}")
    if not done.hides:
        console.print("None of these styles hides a face.")
