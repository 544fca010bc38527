"""The one composition root: settings in, wired workflows out. The web application and the command line start here."""

from dataclasses import dataclass
from datetime import timedelta

from db.api_keys import ApiKey
from db.storage import Storage
from db.tables import DEFAULT_TENANT
from embeddings.embed import ModelSpec
from embeddings.embedders import face_embedder, parts, require_points, spec_named
from embeddings.growth import FMR as GROWTH_FMR
from embeddings.hide import Care
from embeddings.image import ImageLimits
from embeddings.iris import IrisNet
from embeddings.liveness.pad import Pad, load_pad
from embeddings.model_card import CardRefused
from embeddings.onnx import Runtime
from embeddings.pipeline import FacePipeline
from embeddings.quality import QualityLimits
from service.ahead import Ahead
from service.consent import ConsentText, consent_text
from service.databases import Clock, open_storage, utc_now
from service.errors import UnsafeSettings
from service.familiar import Familiar
from service.gallery import Gallery
from service.lockout import Limits, Lockout
from service.oauth.provider import Provider
from service.oauth.server import Server
from service.receipts import ReceiptKey
from service.recogniser import Recogniser
from service.settings import Settings
from service.tenants import Tenants, TenantService
from service.token_keys import TokenKeys
from service.tokens import Kind, Tokens
from service.turning import Turning
from service.workers import cores_of_one
from service.workflows.administer import Administer
from service.workflows.challenges import Challenges
from service.workflows.challenges import Rules as ChallengeRules
from service.workflows.enrol import Enrol, EnrolRules
from service.workflows.film import FilmOverlay
from service.workflows.grow import Grow
from service.workflows.login import Login, LoginRules
from service.workflows.me import Me
from service.workflows.model_change import ModelChange
from service.workflows.overlay import Overlay
from service.workflows.people import People
from service.workflows.receipt import Receipts
from service.workflows.recover import Recover
from service.workflows.retention import Retention
from service.workflows.sessions import Sessions
from service.workflows.sharpen import Sharpen
from service.workflows.signing import Signing

LOCKOUT_SECRET = "lockout"  # noqa: S105 - the purpose of a derived secret, not the secret
RECEIPT_SECRET = "receipts"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class Application:
    """Everything the service can do."""

    settings: Settings
    storage: Storage
    tenants: Tenants
    tokens: Tokens
    consent: ConsentText
    overlay: Overlay
    film: FilmOverlay
    signing: Signing
    provider: Provider

    def of(self, tenant: str = DEFAULT_TENANT) -> TenantService:
        """What it does for one tenant. Raises UnknownTenant."""
        return self.tenants.of(tenant)

    def close(self) -> None:
        self.storage.close()

    # For the default tenant, which is all that most installations have

    @property
    def pipeline(self) -> FacePipeline:
        return self.of().pipeline

    @property
    def gallery(self) -> Gallery:
        return self.of().gallery

    @property
    def enrol(self) -> Enrol:
        return self.of().enrol

    @property
    def login(self) -> Login:
        return self.of().login

    @property
    def people(self) -> People:
        return self.of().people

    @property
    def me(self) -> Me:
        return self.of().me

    @property
    def recover(self) -> Recover:
        return self.of().recover

    @property
    def administer(self) -> Administer:
        return self.of().administer

    @property
    def grow(self) -> Grow:
        return self.of().grow

    @property
    def sessions(self) -> Sessions:
        """Of every tenant."""
        return Sessions(self.storage, self.tokens, self.provider)

    @property
    def retention(self) -> Retention:
        """Of every tenant."""
        return Retention(self.people, self.settings.retention_days, self.tenants.others)


def face_spec(settings: Settings) -> ModelSpec:
    """What goes with the vectors in use, without loading a net."""
    return _compared(spec_named(settings.embedder), settings)


def _compared(spec: ModelSpec, settings: Settings) -> ModelSpec:
    return spec.by_distance() if settings.matching == "distance" else spec


def lockout(storage: Storage, settings: Settings) -> Lockout:
    """The attempt limits of the tenant of `storage`."""
    limits = Limits(settings.free_failures, settings.most_failures)
    return Lockout(storage.secret(LOCKOUT_SECRET), limits, storage.tenant)


def token_kind(settings: Settings) -> Kind:
    """By whom tokens are issued, and for how long."""
    return Kind(settings.issuer, timedelta(seconds=settings.token_seconds))


def tokens(storage: Storage, settings: Settings, now: Clock = utc_now) -> Tokens:
    """Those of the tenant of `storage`."""

    keys = TokenKeys(storage.signing_keys(), now)
    return Tokens(keys, token_kind(settings), now, is_revoked=storage.revoked.has, tenant=storage.tenant)


def signing(storage: Storage, settings: Settings, now: Clock = utc_now) -> Signing:
    """The keys that tokens of all tenants are signed with."""
    keys = TokenKeys(storage.signing_keys(), now)
    return Signing(storage, keys, timedelta(days=settings.token_key_days))


def provider(storage: Storage, settings: Settings, now: Clock = utc_now) -> Provider:
    """OpenID Connect, for the applications of all tenants."""
    server = Server(storage, TokenKeys(storage.signing_keys(), now), token_kind(settings))
    return Provider(server, settings.issuer)


def receipts(storage: Storage) -> Receipts:
    """Receipts of erasures, signed with this installation's key."""
    return Receipts(storage, ReceiptKey(storage.secret(RECEIPT_SECRET)))


def build(settings: Settings, now: Clock = utc_now, ahead: Ahead | None = None) -> Application:
    """Opens the databases, loads the models and fills the gallery: after this the first login is as fast as any.

    `ahead`: where templates may have been opened already.
    """
    storage = open_storage(settings, now)
    keys = _safe_keys(storage, settings)
    runtime = Runtime(cores=cores_of_one(settings.processes))
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
    previous = _previous(settings, pipeline, runtime)
    if settings.template_growth:
        _require_growth(settings, pipeline)
    consent = consent_text(settings.attributes, settings.consent_file, growth=settings.template_growth)
    pad = load_pad(None if settings.pad == "none" else settings.pad)
    make = _Make(settings, pipeline, previous, consent, now, IrisNet.load(runtime), pad, ahead)
    tenants = Tenants(storage, make)
    for name in {DEFAULT_TENANT} | ({key.tenant for key in keys} & {each.name for each in storage.tenants().all()}):
        tenants.of(name)
    overlay = Overlay(pipeline, lambda tenant: familiar(tenants.of(tenant), settings))
    return Application(
        settings,
        storage,
        tenants,
        tokens(storage, settings, now),
        consent,
        overlay,
        FilmOverlay(pipeline),
        signing(storage, settings, now),
        provider(storage, settings, now),
    )


def familiar(its: TenantService, settings: Settings) -> Familiar:
    """The people of a tenant, to be known in pictures."""
    return Familiar(Recogniser(its.pipeline, its.gallery), its.storage, settings.identification_fpir)


def _safe_keys(storage: Storage, settings: Settings) -> list[ApiKey]:
    """The API keys there are. Raises UnsafeSettings where others than this machine may call and none is an admin's."""
    if settings.public and not storage.api_keys.has_admin(storage.now()):
        storage.close()
        raise UnsafeSettings(
            "others than this machine reach the service (FACEWARDEN_HOST, FACEWARDEN_BEHIND_PROXY), and there is no"
            " admin key: make one with `facewarden keys api create --role admin --name NAME`"
        )
    return storage.api_keys.all()


@dataclass(frozen=True, slots=True)
class _Make:
    """Wires the workflows of one tenant. The pipelines' vectors are raw until they are turned here."""

    settings: Settings
    pipeline: FacePipeline
    previous: FacePipeline | None
    consent: ConsentText
    now: Clock
    iris: IrisNet
    pad: Pad | None
    ahead: Ahead | None

    def __call__(self, storage: Storage, turning: Turning) -> TenantService:
        ahead = self.ahead if storage.tenant == DEFAULT_TENANT else None
        settings, current = self.settings, self._recogniser(self.pipeline, turning, ahead)
        change = None
        if self.previous is not None:
            before = self._recogniser(self.previous, turning)
            change = ModelChange(before, current, storage, settings.verification_fmr)
        with storage.begin() as work:
            current.gallery.refresh(work)
            if change is not None:
                change.previous.gallery.refresh(work)
        its_tokens, limits = tokens(storage, settings, self.now), lockout(storage, settings)
        people = People(storage, current.gallery, change.previous.gallery if change is not None else None)
        login = LoginRules(
            settings.verification_fmr,
            settings.identification_fpir,
            guarded=not settings.allow_duplicates,
            live=settings.login_is_live,
        )
        me = Me(people, its_tokens, settings.second_factor, self.consent, receipts(storage))
        rules = self._enrol_rules()
        previous = change.previous.pipeline if change is not None else None
        challenges = self._challenges(current.pipeline, previous, storage, limits, turning)
        enrol = Enrol(current.pipeline, storage, current.gallery, rules, limits, challenges)
        return TenantService(
            storage=storage,
            turning=turning,
            pipeline=current.pipeline,
            gallery=current.gallery,
            enrol=enrol,
            login=Login(
                current,
                storage,
                its_tokens,
                limits,
                challenges,
                rules=login,
                change=change,
                sharpen=Sharpen(current, storage, enrol.one_at_a_time) if settings.template_growth else None,
            ),
            people=people,
            me=me,
            recover=Recover(storage, its_tokens, limits),
            administer=Administer(storage, limits),
            grow=Grow(current, storage, me, rules, enrol.one_at_a_time),
            challenges=challenges,
        )

    def _recogniser(self, pipeline: FacePipeline, turning: Turning, ahead: Ahead | None = None) -> Recogniser:
        turned = pipeline.turned(turning.of(parts(pipeline.spec.model_id, pipeline.spec.dimension)))
        return Recogniser(turned, Gallery(_compared(turned.spec, self.settings), turning, ahead))

    def _challenges(
        self,
        pipeline: FacePipeline,
        previous: FacePipeline | None,
        storage: Storage,
        limits: Lockout,
        turning: Turning,
    ) -> Challenges:
        settings = self.settings
        rules = ChallengeRules(
            steps=settings.steps_of(storage.tenant),
            count=settings.challenge_count,
            at_once=settings.challenge_at_once,
            light=settings.challenge_light,
            images=ImageLimits(settings.max_image_bytes, settings.max_image_pixels),
            least_eyes=settings.min_eye_distance_px,
        )
        nets = pipeline.nets(self.iris, self.pad)
        return Challenges(pipeline, nets, storage, limits, rules, generation=turning.generation, previous=previous)

    def _enrol_rules(self) -> EnrolRules:
        settings = self.settings
        return EnrolRules(
            fmr=settings.verification_fmr,
            fpir=settings.identification_fpir,
            allow_duplicates=settings.allow_duplicates,
            attributes=frozenset(settings.attributes),
            consent=self.consent,
            minimum_age=settings.minimum_age,
            passphrase_required=settings.second_factor == "required",
            live=settings.enrolment_requires == "live",
        )


def _require_growth(settings: Settings, pipeline: FacePipeline) -> None:
    """Raises UnsafeSettings where no threshold was measured that a template may grow by."""
    try:
        require_points(settings.embedder, pipeline.spec, GROWTH_FMR)
    except CardRefused:
        raise UnsafeSettings(
            f"FACEWARDEN_TEMPLATE_GROWTH needs thresholds measured at a false match rate of {GROWTH_FMR:g}: calibrate"
            " this embedder on more people, or unset it"
        ) from None


def _previous(settings: Settings, current: FacePipeline, runtime: Runtime) -> FacePipeline | None:
    """Where a previous embedder is set. Raises UnsafeSettings where it makes the same vectors as the current one."""
    name = settings.previous_embedder
    if name is None:
        return None
    pipeline = current.with_embedder(face_embedder(name, runtime))
    require_points(name, pipeline.spec, settings.verification_fmr)
    if pipeline.spec.model_id == current.spec.model_id:
        raise UnsafeSettings("FACEWARDEN_PREVIOUS_EMBEDDER makes the same vectors as FACEWARDEN_EMBEDDER: unset it")
    return pipeline
