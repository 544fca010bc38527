"""`facewarden evaluate`: error rates of the shipped pipeline on folders of pictures."""

import time
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from embeddings import model_card
from embeddings.cohort import Cohort
from embeddings.detect import CenterFace, Purpose
from embeddings.embed import ModelSpec
from embeddings.embedders import require_points
from embeddings.growth import FMR as GROWTH_FMR
from embeddings.hide import Care
from embeddings.image import ImageLimits, decode
from embeddings.names import SLOT, embedder_name, slot_path
from embeddings.onnx import Runtime
from embeddings.operating import Mode
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from evaluation import (
    attributes,
    burst,
    card,
    cohorts,
    detection,
    groups,
    growth,
    identification,
    overlays,
    plot,
    walking,
)
from evaluation.faces import Faces, collect, pictures
from evaluation.protection import protection
from evaluation.verification import as_json, burst_verification, shipped_points, verification
from overlays.style import STYLES, style
from service.cli import evaluate_liveness
from service.cli.evaluate_film import film
from service.cli.evaluate_options import AnyOf, AsJson, Chosen, Folder, Output, print_answer
from service.cli.gallery import gallery
from service.databases import utc_now

commands = typer.Typer(no_args_is_help=True, help="Error rates of the shipped pipeline on folders of pictures.")
commands.command("gallery")(gallery)
commands.command("film")(film)
commands.command("liveness")(evaluate_liveness.live)
commands.command("light")(evaluate_liveness.light)
commands.command("passive")(evaluate_liveness.passive)
console = Console(stderr=True)
SIZES_PX = (12, 20, 30)
LOOSEST_FMR = 1e-3


@commands.command("verification")
def verify(  # noqa: PLR0913 - one parameter an option
    folder: Folder,
    *,
    enrolled: Annotated[int, typer.Option(min=1, help="Pictures that make a template.")] = 1,
    login: Annotated[int, typer.Option(min=1, help="Pictures of one login.")] = 1,
    captures: Annotated[
        Literal["independent", "burst"],
        typer.Option(help="Pictures of different moments, or frames of one moment made from each picture."),
    ] = "independent",
    gate: Annotated[bool, typer.Option("--gate", help="Leave out what the quality gate refuses.")] = False,
    identify: Annotated[bool, typer.Option("--identify", help="Also one against many.")] = False,
    table: Annotated[Path | None, typer.Option("--groups", exists=True, help="CSV: person or file, group.")] = None,
    plotted: Annotated[Path | None, typer.Option("--plot", help="Write DET curve and histograms as SVG.")] = None,
    cohort: Annotated[Path | None, typer.Option(exists=True, help="A cohort of your own.")] = None,
    embedder: AnyOf = "fused",
    matching: Annotated[Literal["score", "distance"] | None, typer.Option(help="Compare by this.")] = None,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Write the thresholds into the net's card.")] = False,
    as_object: AsJson = False,
) -> None:
    """False match and false non-match rates, all people against all."""
    started, mode = time.monotonic(), Mode(enrolled, login)
    own = slot_path(embedder)
    if calibrate and own is None:
        raise typer.BadParameter(f"only a net of your own ({SLOT}PATH) has a card to calibrate")
    pipeline = _pipeline(embedder)
    if not calibrate:
        require_points(embedder, pipeline.spec, LOOSEST_FMR)
    frames = max(enrolled, login) if captures == "burst" else None
    faces = _faces(folder, pipeline, gate=gate, frames=frames)
    spec = pipeline.spec.by_distance() if matching == "distance" else pipeline.spec
    if calibrate and own is not None:
        spec = _calibrated(own, faces, spec, time.monotonic() - started)
    if cohort is not None:
        spec = cohorts.with_cohort(spec, Cohort.from_bytes(cohort.read_bytes()))
    report, run = (verification if frames is None else burst_verification)(faces, spec, mode)
    answer = as_json(report) | {"captures": captures}
    if table is not None:
        threshold = min(shipped_points(spec, run.mode), key=lambda point: abs(point.fmr - 1e-4)).threshold
        answer["groups"] = as_json(groups.groups(run, groups.read(table), threshold))
    if identify:
        answer["identification"] = as_json(identification.identification(faces, spec, run.mode))
    if plotted is not None:
        plotted.write_text(plot.svg(run, f"{spec.model_id}, {enrolled} enrolled, {login} at login"), encoding="utf-8")
    answer["seconds"] = round(time.monotonic() - started, 1)
    print_answer(answer, as_object=as_object)


@commands.command("detection")
def detect(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Pictures and their boxes.json.")],
    *,
    purpose: Annotated[Literal["find", "hide"], typer.Option(help="Search as for a login, or as for hiding.")] = "hide",
    care: Annotated[Literal["usual", "thorough"], typer.Option(help="How thoroughly to search for hiding.")] = "usual",
    as_object: AsJson = False,
) -> None:
    """How many of the annotated faces are found, and how many boxes are wrong."""
    detector, wanted = CenterFace.load(Runtime(), Care(care)), Purpose(purpose)
    annotated = detection.wider(folder)
    seen, spent = [], 0.0
    with Progress(console=console, transient=True) as progress:
        for path, annotations in progress.track(annotated.items(), description="pictures"):
            pixels = decode(path.read_bytes(), ImageLimits()).pixels
            started = time.perf_counter()
            found = detector.detect(pixels, wanted).faces
            spent += time.perf_counter() - started
            seen.append(detection.Seen(annotations, tuple((face.box, face.score) for face in found)))
    report = detection.report(seen, [(float(size), float("inf")) for size in SIZES_PX])
    recall = {str(int(row.from_px)): row.share for row in report.recalls}
    answer = {
        "purpose": purpose,
        "images": report.pictures,
        "recall": recall,
        "extra_per_image": report.extra_per_picture,
        "ms_per_image": 1000 * spent / max(1, report.pictures),
    }
    print_answer(answer, as_object=as_object)


@commands.command("attributes")
def look(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Pictures with labels.")],
    *,
    labels: Annotated[
        Literal["utkface", "folders"],
        typer.Option(help="Names such as 30_0_..., age and gender; or one folder for each emotion."),
    ],
    as_object: AsJson = False,
) -> None:
    """Errors of age, gender and emotion on pictures with labels."""
    print_answer(attributes.evaluate_attributes(folder, labels), as_object=as_object)


@commands.command("cohort")
def fit_cohort(
    folder: Folder,
    *,
    table: Annotated[Path, typer.Option("--groups", exists=True, dir_okay=False, help="CSV: person or file, group.")],
    write: Output = None,
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """Fit a cohort on your own people, by group, and say what it changes for people it was not fitted on."""
    pipeline = _pipeline(embedder)
    faces = _faces(folder, pipeline)
    names = groups.read(table)
    answer = as_json(cohorts.report(faces, names, pipeline.spec))
    if write is not None:
        write.write_bytes(cohorts.fit(faces, names).to_bytes())
    print_answer(answer, as_object=as_object)


@commands.command("protection")
def protect(
    folder: Folder,
    *,
    enrolled: Annotated[int, typer.Option(min=1, help="Pictures that make a template.")] = 1,
    login: Annotated[int, typer.Option(min=1, help="Pictures of one login.")] = 1,
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """Protected templates: accuracy with and without, linkability across tenants, and an attack without a key."""
    started = time.monotonic()
    pipeline = _pipeline(embedder)
    answer = as_json(protection(_faces(folder, pipeline), pipeline.spec, Mode(enrolled, login)))
    answer["seconds"] = round(time.monotonic() - started, 1)
    print_answer(answer, as_object=as_object)


@commands.command("growth")
def grow(
    folder: Folder,
    *,
    enrolled: Annotated[int, typer.Option(min=1, help="Pictures that make a template, the first by name.")] = 3,
    least: Annotated[int, typer.Option(min=2, help="People with fewer pictures are strangers alone.")] = 5,
    adversaries: Annotated[int, typer.Option(min=1, help="Who attack each template: the nearest others.")] = 5,
    tries: Annotated[int, typer.Option(min=1, help="Logins of each attack.")] = 20,
    embedder: AnyOf = "fused",
    matching: Annotated[Literal["score", "distance"] | None, typer.Option(help="Compare by this.")] = None,
    as_object: AsJson = False,
) -> None:
    """Templates that grow by logins: what it buys, what it costs, and an attack that would walk them away."""
    started, pipeline = time.monotonic(), _pipeline(embedder)
    require_points(embedder, pipeline.spec, GROWTH_FMR)
    spec = pipeline.spec.by_distance() if matching == "distance" else pipeline.spec
    faces = _faces(folder, pipeline, gate=True)
    try:
        answer = as_json(growth.growth_report(faces, spec, enrolled, least))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER") from None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("attacks", total=None)
        against = walking.Against(adversaries, tries, lambda: progress.advance(task))
        answer["attacks"] = as_json(walking.walks(faces, spec, enrolled, least, against))
    answer["seconds"] = round(time.monotonic() - started, 1)
    print_answer({"model_id": spec.model_id, **answer}, as_object=as_object)


@commands.command("overlays")
def hide(
    folder: Folder,
    *,
    people: Annotated[int, typer.Option(min=2, help="People at most, two photos each.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Chooses the people, their photos and what avatars look like.")] = 1,
    styles: Annotated[list[str] | None, typer.Option("--style", help="Which; every hiding style if left out.")] = None,
    cover: Annotated[Literal["head", "face"], typer.Option(help="What the styles cover.")] = "head",
    embedder: Chosen = "fused",
    as_object: AsJson = False,
) -> None:
    """What each hiding style leaves of a face for an attacker who knows where it was."""
    started = time.monotonic()
    hiding = [name for name, kind in STYLES.items() if kind.hides]
    if not set(styles or hiding) <= set(hiding):
        raise typer.BadParameter(f"one of {', '.join(hiding)}", param_hint="--style")
    chosen = overlays.people(folder, people, seed)
    drawn = [style(name, **({"cover": cover} if "cover" in STYLES[name].looks else {})) for name in styles or hiding]
    pipeline = FacePipeline.load(ImageLimits(), QualityLimits(), embedder, attributes=frozenset({"emotion"}))
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("people", total=len(chosen))
        rows = overlays.overlays(chosen, pipeline, drawn, seed=seed, seen=lambda: progress.advance(task))
    print_answer({"cover": cover, "styles": rows, "seconds": round(time.monotonic() - started, 1)}, as_object=as_object)


def _pipeline(embedder: str) -> FacePipeline:
    try:
        embedder_name(embedder)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--embedder") from None
    return FacePipeline.load(ImageLimits(), QualityLimits(), embedder)


def _calibrated(own: Path, faces: Faces, spec: ModelSpec, seconds: float) -> ModelSpec:
    path = model_card.beside(own)
    try:
        made = card.calibrate_card(path, faces, spec, utc_now(), seconds)
    except card.TooFewPeople as error:
        raise typer.BadParameter(str(error), param_hint="FOLDER") from None
    written = f"{path.name}: {len(made.spec.operating_points)} operating points"
    few = f", {made.few_events} of them on fewer than {card.FEW_EVENTS} impostor events" if made.few_events else ""
    console.print(written + few, highlight=False, markup=False)
    return made.spec


def _faces(folder: Path, pipeline: FacePipeline, *, gate: bool = False, frames: int | None = None) -> Faces:
    made = partial(burst.frames, count=frames) if frames is not None else None
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("pictures", total=len(pictures(folder)))
        return collect(folder, pipeline, gate=gate, burst=made, seen=lambda: progress.advance(task))
