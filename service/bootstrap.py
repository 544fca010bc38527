"""The one composition root: settings in, wired workflows out. The web application and the command line start here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.keys import EnvironmentKey, KeyFile, KeyProvider
from db.storage import Storage
from embeddings.image import ImageLimits
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.gallery import Gallery
from service.settings import Settings
from service.tokens import Tokens
from service.workers import usable_cores
from service.workflows.enrol import Enrol
from service.workflows.login import Login
from service.workflows.overlay import Overlay
from service.workflows.people import Me, People

TOKEN_SECRET = "token-signing"  # noqa: S105 - the purpose of a derived secret, not the secret
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Application:
    """Everything the service can do."""

    settings: Settings
    storage: Storage
    pipeline: FacePipeline
    gallery: Gallery
    enrol: Enrol
    login: Login
    overlay: Overlay
    people: People
    me: Me

    def close(self) -> None:
        self.storage.close()


def open_storage(settings: Settings, now: Clock = utc_now) -> Storage:
    """The databases and the master key, made on first start. Raises what `Storage.open` raises."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Storage.open(settings.data_url, settings.keys_url, _master_key(settings), clock=now)


def _master_key(settings: Settings) -> KeyProvider:
    if settings.master_key is not None:
        return EnvironmentKey(settings.master_key.get_secret_value())
    return KeyFile(settings.key_file)


def build(settings: Settings, now: Clock = utc_now) -> Application:
    """Opens the databases, loads the models and fills the gallery: after this the first login is as fast as any."""
    storage = open_storage(settings, now)
    pipeline = FacePipeline.load(
        ImageLimits(settings.max_image_bytes, settings.max_image_pixels),
        QualityLimits(min_eye_distance_px=settings.min_eye_distance_px),
        backend=settings.embedder,
        attributes=frozenset(settings.attributes),
        cores=usable_cores(),
    )
    gallery = Gallery(pipeline.spec.by_distance() if settings.matching == "distance" else pipeline.spec)
    with storage.begin() as work:
        gallery.refresh(work)
    tokens = Tokens(storage.secret(TOKEN_SECRET), timedelta(seconds=settings.token_seconds), now)
    people = People(storage, gallery)
    return Application(
        settings=settings,
        storage=storage,
        pipeline=pipeline,
        gallery=gallery,
        enrol=Enrol(
            pipeline,
            storage,
            gallery,
            fpir=settings.identification_fpir,
            allow_duplicates=settings.allow_duplicates,
            attributes=frozenset(settings.attributes),
        ),
        login=Login(
            pipeline,
            storage,
            gallery,
            tokens,
            fmr=settings.verification_fmr,
            fpir=settings.identification_fpir,
            now=now,
        ),
        overlay=Overlay(pipeline),
        people=people,
        me=Me(people, tokens),
    )
