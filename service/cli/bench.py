"""`facewarden bench`: how fast it is on this machine, beside face_recognition, dlib, faiss and numpy."""

import json
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from evaluation.bench.markdown import tables
from evaluation.bench.pictures import as_webcam
from evaluation.bench.rival import RivalFailed
from evaluation.bench.run import FULL, PARTS, QUICK, Bench, Given, Part
from evaluation.bench.server import ServiceFailed
from service.cli.bench_service import service
from service.portraits import fetch

ROOT: Final = Path(__file__).resolve().parents[2]
RIVAL: Final = ROOT / ".venv-bench" / "bin" / "python"
"""Made by scripts/install --bench."""


def bench(
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few rounds and small sizes: minutes instead of half an hour.")
    ] = False,
    only: Annotated[list[Part] | None, typer.Option(help="Measure this part; may be given several times.")] = None,
    frame: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A webcam picture of one face; unset: a portrait.")
    ] = None,
    photos: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="One folder a person, to import; unset: a portrait."),
    ] = None,
    rival: Annotated[Path | None, typer.Option(help="The interpreter that has face_recognition and faiss.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How fast it is here, taking turns with face_recognition, dlib, faiss and numpy (scripts/install --bench)."""
    console = Console(stderr=True, highlight=False)
    given = _given(frame, photos, rival)
    measure = Bench(service(), given, QUICK if quick else FULL, lambda part: console.print(f"[dim]{part}[/dim]"))
    try:
        report = measure(only or PARTS)
    except (RivalFailed, ServiceFailed) as failure:
        console.print(f"facewarden bench: {failure}", markup=False)
        raise typer.Exit(1) from None
    print(json.dumps(report, indent=2) if as_json else tables(report))


def _given(frame: Path | None, photos: Path | None, rival: Path | None) -> Given:
    portrait = fetch().obama.read_bytes() if frame is None or photos is None else b""
    return Given(
        frame=as_webcam(portrait) if frame is None else frame.read_bytes(),
        portrait=portrait,
        photos=photos,
        rival=rival or (RIVAL if RIVAL.exists() else None),
    )
