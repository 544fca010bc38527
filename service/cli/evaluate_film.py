"""`facewarden evaluate film`: what hiding the faces of a film leaves uncovered."""

import json
import time
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress as Bars

from embeddings.detect import CenterFace, Purpose
from embeddings.film import Film
from embeddings.hide import Care
from embeddings.image import ImageLimits
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from embeddings.types import Face, Pixels
from evaluation.film import coverage
from overlays.hide.solid import INK
from overlays.style import style
from service.workers import usable_cores
from service.workflows.film import THOROUGHLY_EVERY, FilmOverlay, FilmRequest, Progress


def film(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A film with faces in it.")],
    *,
    every: Annotated[int, typer.Option(min=1, help="Search every so manieth frame of the original.")] = 1,
    thoroughly: Annotated[
        int, typer.Option(min=1, help="Frames from one thorough search to the next, while hiding.")
    ] = THOROUGHLY_EVERY,
    as_object: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hide every face of a film, then search each frame of the original slowly: which faces are left uncovered?"""
    runtime, target, started = Runtime(), BytesIO(), time.monotonic()
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), runtime=runtime)
    request = FilmRequest(file, [style("solid")], check_every=0, thoroughly_every=thoroughly)
    with Bars(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("hiding")

        def tell(now: Progress) -> None:
            bars.update(task, description=f"hiding: {now.stage}", completed=now.done, total=now.about)

        done = FilmOverlay(pipeline, usable_cores())(request, target, tell)
        hiding = time.monotonic() - started
        detector = CenterFace.load(runtime, Care.THOROUGH)
        searching = bars.add_task("searching", total=-(-done.frames // every))

        def search(pixels: Pixels) -> tuple[Face, ...]:
            bars.advance(searching)
            return detector.detect(pixels, Purpose.HIDE).faces

        found = coverage(Film(file), Film(target.getvalue()), search, INK, every)
    seconds = round(time.monotonic() - started, 1)
    answer: dict[str, Any] = {
        "film": file.name,
        **asdict(found),
        "people_followed": done.faces,
        "covers": done.face_frames,
        "blacked_out": done.blacked_out,
        "seconds_hiding": round(hiding, 1),
        "seconds": seconds,
    }
    if as_object:
        print(json.dumps(answer, indent=2))
        return
    for name, value in answer.items():
        Console().print(f"{name:20}", value, highlight=False, markup=False, soft_wrap=True)
