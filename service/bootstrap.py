"""The one composition root: settings in, wired workflows out. The web application and the command line start here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from db.errors import StorageUnavailable
from db.key_file import KeyFile
from db.keys import EnvironmentKey, KeyProvider
from db.pkcs11_keys import IntoModule, Pkcs11Keys
from db.storage import Storage
from embeddings.embed import ModelSpec
from embeddings.embedders import face_embedder, require_points, spec_named
from embeddings.hide import Care
from embeddings.image import ImageLimits
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.consent import ConsentText, consent_text
from service.errors import UnsafeSettings
from service.gallery import Gallery
from service.lockout import Limits, Lockout
from service.receipts import ReceiptKey
from service.recogniser import Recogniser
from service.settings import Settings
from service.tokens import Tokens
from service.workers import usable_cores
from service.workflows.administer import Administer
from service.workflows.enrol import Enrol, EnrolRules
from service.workflows.grow import Grow
from service.workflows.login import Login, LoginRules
from service.workflows.me import Me
from service.workflows.model_change import ModelChange
from service.workflows.overlay import Overlay
from service.workflows.people import People
from service.workflows.receipt import Receipts
from service.workflows.recover import Recover
from service.workflows.retention import Retention

TOKEN_SECRET = "token-signing"  # noqa: S105 - the purpose of a derived secret, not the secret
LOCKOUT_SECRET = "lockout"  # noqa: S105 - likewise
RECEIPT_SECRET = "receipts"  # noqa: S105 - likewise
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
    consent: ConsentText
    enrol: Enrol
    login: Login
    overlay: Overlay
    people: People
    me: Me
    recover: Recover
    administer: Administer
    retention: Retention
    grow: Grow

    def close(self) -> None:
        self.storage.close()


def open_storage(settings: Settings, now: Clock = utc_now) -> Storage:
    """The databases and the master key, made on first start. Raises what `Storage.open` raises."""
    try:
        settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"{settings.home} cannot be made: {error.strerror}") from None
    return Storage.open(settings.data_url, settings.keys_url, key_provider(settings), clock=now)


def key_provider(settings: Settings) -> KeyProvider:
    """Where the settings say that the master key is."""
    if settings.master_key is not None:
        previous = settings.master_key_previous
        return EnvironmentKey(
            settings.master_key.get_secret_value(), None if previous is None else previous.get_secret_value()
        )
    file = KeyFile(settings.key_file)
    if settings.pkcs11_module is not None and settings.pkcs11_token is not None and settings.pkcs11_pin is not None:
        pin = settings.pkcs11_pin.get_secret_value()
        return IntoModule(Pkcs11Keys(settings.pkcs11_module, settings.pkcs11_token, pin, settings.pkcs11_key), file)
    return file


def face_spec(settings: Settings) -> ModelSpec:
    """What goes with the vectors in use, without loading a net."""
    return _compared(spec_named(settings.embedder), settings)


def _compared(spec: ModelSpec, settings: Settings) -> ModelSpec:
    return spec.by_distance() if settings.matching == "distance" else spec


def lockout(storage: Storage, settings: Settings) -> Lockout:
    """The attempt limits."""
    return Lockout(storage.secret(LOCKOUT_SECRET), Limits(settings.free_failures, settings.most_failures))


def receipts(storage: Storage) -> Receipts:
    """Receipts of erasures, signed with this installation's key."""
    return Receipts(storage, ReceiptKey(storage.secret(RECEIPT_SECRET)))


def build(settings: Settings, now: Clock = utc_now) -> Application:
    """Opens the databases, loads the models and fills the gallery: after this the first login is as fast as any."""
    storage = open_storage(settings, now)
    runtime = Runtime(cores=usable_cores())
    pipeline = FacePipeline.load(
        ImageLimits(settings.max_image_bytes, settings.max_image_pixels),
        QualityLimits(min_eye_distance_px=settings.min_eye_distance_px),
        backend=settings.embedder,
        attributes=frozenset(settings.attributes) | ({"age"} if settings.minimum_age else set()),
        attribute_models=settings.attribute_models,
        care=Care(settings.hide),
        runtime=runtime,
    )
    require_points(settings.embedder, pipeline.spec, settings.verification_fmr)
    gallery = Gallery(_compared(pipeline.spec, settings))
    change = _model_change(settings, storage, Recogniser(pipeline, gallery), runtime)
    with storage.begin() as work:
        gallery.refresh(work)
        if change is not None:
            change.previous.gallery.refresh(work)
    tokens = Tokens(storage.secret(TOKEN_SECRET), timedelta(seconds=settings.token_seconds), now)
    limits = lockout(storage, settings)
    consent = consent_text(settings.attributes, settings.consent_file)
    people = People(storage, gallery, change.previous.gallery if change is not None else None)
    me = Me(people, tokens, settings.second_factor, receipts(storage))
    rules = EnrolRules(
        fmr=settings.verification_fmr,
        fpir=settings.identification_fpir,
        allow_duplicates=settings.allow_duplicates,
        attributes=frozenset(settings.attributes),
        consent=consent,
        minimum_age=settings.minimum_age,
        passphrase_required=settings.second_factor == "required",
    )
    enrol = Enrol(pipeline, storage, gallery, rules, limits)
    return Application(
        settings=settings,
        storage=storage,
        pipeline=pipeline,
        gallery=gallery,
        consent=consent,
        enrol=enrol,
        login=Login(
            pipeline,
            storage,
            gallery,
            tokens,
            limits,
            rules=LoginRules(
                settings.verification_fmr, settings.identification_fpir, guarded=not settings.allow_duplicates
            ),
            change=change,
        ),
        overlay=Overlay(pipeline),
        people=people,
        me=me,
        administer=Administer(storage, limits),
        recover=Recover(storage, tokens, limits),
        retention=Retention(people, settings.retention_days),
        grow=Grow(Recogniser(pipeline, gallery), storage, me, rules, enrol.one_at_a_time),
    )


def _model_change(settings: Settings, storage: Storage, current: Recogniser, runtime: Runtime) -> ModelChange | None:
    """Where a previous embedder is set. Raises UnsafeSettings where it makes the same vectors as the current one."""
    name = settings.previous_embedder
    if name is None:
        return None
    pipeline = current.pipeline.with_embedder(face_embedder(name, runtime))
    require_points(name, pipeline.spec, settings.verification_fmr)
    if pipeline.spec.model_id == current.model_id:
        raise UnsafeSettings("FACEWARDEN_PREVIOUS_EMBEDDER makes the same vectors as FACEWARDEN_EMBEDDER: unset it")
    return ModelChange(
        Recogniser(pipeline, Gallery(_compared(pipeline.spec, settings))), current, storage, settings.verification_fmr
    )
