"""`facewarden overlay`: hide or dress up the faces in a picture, a film, or a folder of them."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from db.tables import DEFAULT_TENANT
from embeddings.film_writer import FilmCodec
from embeddings.hide import Care
from embeddings.image import ImageLimits, PictureFormat
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.bootstrap import build
from service.cli.overlay_film import FilmMaker, FilmOptions, film_target, in_words, renamed, tell_film
from service.cli.start import settings
from service.errors import TABLE
from service.familiar import Familiar
from service.forms import Form, InvalidField
from service.overlay_fields import overlay_request
from service.settings import Settings
from service.workers import usable_cores
from service.workflows.overlay import Overlaid, Overlay, OverlayRequest
from service.workflows.overlay_folder import (
    ENDINGS,
    EXISTS,
    FILM,
    FILMS,
    PICTURES,
    UNREADABLE,
    UNWRITABLE,
    Done,
    FilmFolder,
    Job,
    OverlayFolder,
    is_film,
    jobs,
)

LARGEST_FILE = 256 * 2**20
"""Bytes; on one's own disk a photo may be larger than what is taken from others."""
TITLES = {
    FILM: "In a film every face is drawn on; --only and --except-enrolled are for pictures",
    EXISTS: "There is a file already; --overwrite replaces it",
    UNREADABLE: "The file cannot be read",
    UNWRITABLE: "The new file cannot be written",
}


def overlay(  # noqa: PLR0913 - one parameter an option
    source: Annotated[Path, typer.Argument(metavar="IN", exists=True, help="A picture, a film, or a folder of them.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new file or folder.")],
    *,
    styles: Annotated[list[str] | None, typer.Option("--style", help="Several are stacked; solid if left out.")] = None,
    cover: Annotated[Literal["head", "face"] | None, typer.Option(help="What hiding styles cover.")] = None,
    looks: Annotated[
        list[str] | None, typer.Option("--look", help="STYLE.LOOK=VALUE, as in solid.colour=#ffffff.")
    ] = None,
    sticker: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A picture of your own for the style sticker.")
    ] = None,
    except_enrolled: Annotated[
        bool, typer.Option("--except-enrolled", help="Leave who is enrolled and agreed to overlays as they are.")
    ] = False,
    only: Annotated[UUID | None, typer.Option(help="Draw on this person enrolled, and nobody else.")] = None,
    tenant: Annotated[str, typer.Option(help="The tenant whose people these are.")] = DEFAULT_TENANT,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Search the finished picture too.")] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse what cannot be searched for the smallest faces.")
    ] = False,
    picture_format: Annotated[PictureFormat | None, typer.Option("--format", help="Of the new files.")] = None,
    quality: Annotated[int | None, typer.Option(min=1, max=100, help="Of JPEG and WebP.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="To draw the same again.")] = None,
    codec: Annotated[
        FilmCodec, typer.Option(help="Of a film: vp9 (.webm, .mkv, .mp4) or h264 (.mp4, .mkv).")
    ] = FilmCodec.VP9,
    audio: Annotated[bool, typer.Option("--audio", help="Copy the sound of a film; else it is left out.")] = False,
    check_every: Annotated[
        int | None, typer.Option(min=1, help="Frames of a film from one searched again to the next.")
    ] = None,
    workers: Annotated[int, typer.Option("--jobs", min=0, help="Pictures side by side; 0: one for each core.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Hide or dress up the faces in a picture, a film, or a folder of them. What fails is told, and not copied."""
    chosen = _settings()
    fields = {
        "style": tuple(styles or ()),
        **_one("cover", cover),
        **_one("format", picture_format),
        **_one("quality", quality),
        **_one("seed", seed),
        **_one("except", "enrolled" if except_enrolled else None),
        **_one("only", only),
        **_one("check", check),
        **_one("strict", strict),
        **_looks(looks or ()),
    }
    images = (b"",) if sticker is None else (b"", sticker.read_bytes())
    request = _request(Form(images, fields), ImageLimits(chosen.max_image_bytes, chosen.max_image_pixels))
    request = replace(request, which=replace(request.which, tenant=tenant))
    options = FilmOptions(codec, audio, check_every)
    if source.is_file() and is_film(source):
        target = film_target(source, target, request, codec, overwrite=overwrite)
        made = FilmMaker(_pipeline(chosen), request, options)(source, target, request.seed)
        tell_film(target, request, made, as_json=as_json)
        return
    listed = _listed(source, target, picture_format)
    with _overlay(chosen, request) as (pipeline, drawing):
        folder = OverlayFolder(drawing, workers or usable_cores(), overwrite=overwrite)
        films = FilmFolder(FilmMaker(pipeline, request, options), overwrite=overwrite)
        done = _worked(listed, folder, films, request, codec)
    _tell(done, request, as_json=as_json)
    if any(each.code for each in done):
        raise typer.Exit(1)


def _worked(
    listed: Sequence[Job], folder: OverlayFolder, films: FilmFolder, request: OverlayRequest, codec: FilmCodec
) -> list[Done]:
    """Pictures first: side by side; then films, each with all cores and bars of its own."""
    pictures = [each for each in listed if not is_film(each.source)]
    done: list[Done] = []
    if pictures:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            done += progress.track(folder(pictures, request), total=len(pictures), description="pictures")
    done += films(renamed([each for each in listed if is_film(each.source)], codec), request)
    return done


def _settings() -> Settings:
    read = settings()
    return settings(max_image_bytes=max(read.max_image_bytes, LARGEST_FILE))


def _one(name: str, value: object) -> dict[str, tuple[str, ...]]:
    return {} if value is None else {name: (str(value).lower() if isinstance(value, bool) else str(value),)}


def _looks(given: Sequence[str]) -> dict[str, tuple[str, ...]]:
    looks: dict[str, tuple[str, ...]] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or "." not in name:
            raise typer.BadParameter("is STYLE.LOOK=VALUE, as in solid.colour=#ffffff", param_hint="--look")
        looks[name] = (value,)
    return looks


def _request(form: Form, limits: ImageLimits) -> OverlayRequest:
    try:
        return overlay_request(form, None, limits)
    except InvalidField as refusal:
        raise typer.BadParameter("does not go with the other options", param_hint=refusal.field) from None


def _listed(source: Path, target: Path, wanted: PictureFormat | None) -> list[Job]:
    if source.resolve() == target.resolve():
        raise typer.BadParameter("the originals are not written over", param_hint="OUT")
    if source.is_dir():
        if target.exists() and not target.is_dir():
            raise typer.BadParameter("for a folder it is a folder", param_hint="OUT")
        found = jobs(source, target, None if wanted is None else ENDINGS[wanted], PICTURES | FILMS)
        if not found:
            raise typer.BadParameter("there is no picture and no film in this folder", param_hint="IN")
        return found
    return [Job(source.name, source, target / source.name if target.is_dir() else target)]


@contextmanager
def _overlay(
    chosen: Settings, request: OverlayRequest
) -> Iterator[tuple[FacePipeline, Callable[[OverlayRequest], Overlaid]]]:
    """The whole service where people enrolled are looked for; else the nets alone, and no database is opened."""
    if request.which.by_person:
        application = build(chosen)
        try:
            yield application.pipeline, application.overlay
        finally:
            application.close()
        return
    pipeline = _pipeline(chosen)
    yield pipeline, Overlay(pipeline, _nobody)


def _pipeline(chosen: Settings) -> FacePipeline:
    return FacePipeline.load(
        ImageLimits(chosen.max_image_bytes, chosen.max_image_pixels),
        QualityLimits(),
        backend=chosen.embedder,
        attributes=frozenset(chosen.attributes) & {"emotion"},
        care=Care(chosen.hide),
    )


def _nobody(tenant: str) -> Familiar:
    raise AssertionError(tenant)


def _tell(done: Sequence[Done], request: OverlayRequest, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_report(done, request), indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    for each in done:
        if each.code is not None:
            console.print(f"{each.name}: {_title(each)}", markup=False)
        elif each.film is not None:
            console.print(f"{each.name}: {in_words(each.film)}", markup=False)
    report = _report(done, request)
    names = ["pictures", "films", "done", "failed", "faces", "still_detectable", "still_matching"]
    if not report["films"]:
        names.remove("films")
    table = Table(*(name.replace("_", " ") for name in names))
    table.add_row(*("not checked" if report[name] is None else str(report[name]) for name in names))
    console.print(table)
    if not request.hides:
        console.print("None of these styles hides a face.")


def _title(each: Done) -> str:
    title = TITLES[each.code] if each.code in TITLES else TABLE[each.code or ""].title
    return title if each.detail is None else f"{title}: {each.detail}"


def _report(done: Sequence[Done], request: OverlayRequest) -> dict[str, Any]:
    drawn = [each.overlaid for each in done if each.overlaid is not None]
    made = [each.film for each in done if each.film is not None]
    proofs = [each.proof for each in drawn if each.proof is not None]
    checked = request.check and request.hides
    films = sum(is_film(Path(each.name)) for each in done)
    detectable = sum(proof.detectable for proof in proofs) + sum(film.detectable or 0 for film in made)
    return {
        "styles": [style.name for style in request.styles],
        "hides": request.hides,
        "pictures": len(done) - films,
        "films": films,
        "done": len(drawn) + len(made),
        "failed": len(done) - len(drawn) - len(made),
        "faces": sum(each.faces for each in drawn) + sum(film.faces for film in made),
        "still_detectable": detectable if checked else None,
        "still_matching": sum(len(proof.left) for proof in proofs)
        if checked
        else None,  # a film that has any is not made
        "files": [_file(each) for each in done],
    }


def _file(each: Done) -> dict[str, Any]:
    if each.film is not None:
        return {"file": each.name, **asdict(each.film)}
    if each.overlaid is None:
        return {"file": each.name, "code": each.code, "title": _title(each)}
    return {
        "file": each.name,
        "faces": each.overlaid.faces,
        "smallest_face_px": each.overlaid.smallest_face_px,
        "still_detectable": None if each.overlaid.proof is None else each.overlaid.proof.detectable,
    }
