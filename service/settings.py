"""The service's settings: the only reader of the environment.

An unknown `FACEWARDEN_*` variable stops the start, since a misspelt setting silently ignored is a hole.
"""

import difflib
import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.tables import DEFAULT_TENANT
from embeddings.attributes import KINDS
from embeddings.liveness.steps import COUNT, DEFAULT_STEPS, Step, draw
from embeddings.names import embedder_name
from service.errors import UnsafeSettings

PREFIX: Final = "FACEWARDEN_"
_KEYS_ARE_MADE: Final = "make a key with `facewarden keys api create` (docs/access.md)"
REPLACED: Final = {
    "API_KEY": _KEYS_ARE_MADE,
    "API_KEYS": _KEYS_ARE_MADE,
    "ALLOWED_ORIGINS": f"it is called {PREFIX}CORS_ORIGINS now",
}
"""What took the place of settings that there were."""
PUBLIC_URL: Final = r"^https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?$"
"""An origin in lower case, without a path or a slash at its end: the issuer of tokens is compared letter by letter."""

Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, its default and what it means (docs/settings.md is generated from here)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("facewarden", appauthor=False),
        description="Folder for the databases and the key file.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    public_url: str | None = Field(
        None,
        pattern=PUBLIC_URL,
        description="Address of the service as others see it, `https://name`: who issues its tokens; unset: that of"
        " FACEWARDEN_HOST and FACEWARDEN_PORT.",
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the data; unset: `facewarden.db` in the home folder. A PostgreSQL database"
        " (`postgresql+psycopg://...`) for more than one node (docs/nodes.md).",
    )
    keystore_url: str | None = Field(
        None,
        description="SQLAlchemy URL of the person keys, never the same database; unset: `keys.db` in the home folder.",
    )
    master_key: SecretStr | None = Field(
        None, description="Master key, base64 of 32 bytes; unset: the file `master.key` in the home folder."
    )
    master_key_previous: SecretStr | None = Field(
        None, description="The master key before, while `facewarden keys rotate` replaces one that is given here."
    )
    pkcs11_module: Path | None = Field(
        None,
        description="Library of a hardware module (PKCS#11) that holds the master key; unset: none (docs/keys.md).",
    )
    pkcs11_token: str | None = Field(None, description="Label of the token in it.")
    pkcs11_pin: SecretStr | None = Field(None, description="The token's user PIN.")
    pkcs11_key: str = Field("facewarden", min_length=1, description="Label of the master key on the token.")
    open_enrolment: bool | None = Field(
        None, description="Enrol without an API key; unset: yes on a loopback address, no elsewhere."
    )
    allow_duplicates: bool = Field(
        default=False,
        description="Enrol a face again that is enrolled already; look-alikes are then not told apart at a login.",
    )
    allowed_hosts: Names = Field(
        (), description="Host names to answer under besides the bound address and localhost, comma separated."
    )
    cors_origins: Names = Field((), description="Origins of other web pages that may use the service, comma separated.")
    https: bool = Field(
        default=False,
        description="Speak TLS with a certificate of an authority that is made in the home folder (docs/operation.md).",
    )
    tls_cert: Path | None = Field(None, description="Certificate chain, PEM: speak TLS with it.")
    tls_key: Path | None = Field(None, description="Its key, PEM, readable by its owner only.")
    behind_proxy: bool = Field(
        default=False, description="A proxy that speaks TLS stands before the service; name it as trusted."
    )
    max_image_bytes: int = Field(10 * 2**20, ge=1024, description="Largest picture file, bytes.")
    max_image_pixels: int = Field(40_000_000, ge=4096, description="Largest picture, pixels.")
    max_request_bytes: int = Field(32 * 2**20, ge=4096, description="Largest request, bytes.")
    max_request_images: int = Field(10, ge=1, le=10, description="Most pictures in one request.")
    min_eye_distance_px: float = Field(
        32.0, ge=8, description="Smallest distance between the eyes for enrolment and login, pixels."
    )
    embedder: str = Field(
        "fused",
        description="Face vectors: `fused` (dlib's and a second net's), `onnx` (dlib's alone, by onnxruntime), `dlib`"
        " (by dlib's own net), or `onnx:/path/model.onnx`, a net of your own (docs/embedder.md).",
    )
    previous_embedder: str | None = Field(
        None,
        description="The embedder before a change, as long as people have templates of it alone; their next login with"
        " `user_id` adds one of the new (docs/embedder.md).",
    )
    matching: Literal["score", "distance"] = Field(
        "score", description="Compare by score against a crowd where the embedder has one (fused), or by distance."
    )
    hide: Literal["usual", "thorough"] = Field(
        "usual",
        description="Search for faces to hide; `thorough` finds more, and more that is none, in 1.4 times the time.",
    )
    attributes: Names = Field(
        ("age", "gender", "emotion"),
        description="What is estimated besides identity: of age, gender, emotion, comma separated; `none` for nothing.",
    )
    attribute_models: Literal["packaged", "deepface"] = Field(
        "packaged",
        description="Nets for the attributes: those that ship, or deepface's (`scripts/install --deepface`).",
    )
    minimum_age: int = Field(
        0, ge=0, le=30, description="Refuse to enrol a face that looks younger, years; 0: never. An estimate, no proof."
    )
    verification_fmr: float = Field(
        1e-4, gt=0, le=1e-3, description="False match rate of a login with a claimed `user_id`."
    )
    identification_fpir: float = Field(
        1e-3, gt=0, le=1e-2, description="False positive identification rate of a login by face alone."
    )
    second_factor: Literal["off", "optional", "required"] = Field(
        "optional", description="A passphrase or PIN beside the face: none, for who chooses one, or for everybody."
    )
    free_failures: int = Field(5, ge=1, le=10, description="Failed logins in a row before the next has to wait.")
    most_failures: int = Field(
        50, ge=10, le=100, description="Failed logins in a row after which a face alone opens nothing until unlocked."
    )
    login_requires: Literal["photo", "live"] | None = Field(
        None,
        description="What a login by face shows: pictures, or a challenge of liveness (docs/liveness.md); unset:"
        " `photo` where only programs on this machine reach the service, `live` elsewhere.",
    )
    enrolment_requires: Literal["photo", "live"] = Field("photo", description="Likewise of an enrolment.")
    challenge_steps: Names = Field(
        tuple(DEFAULT_STEPS),
        description="Steps of challenges, of turn_left, turn_right, look_up, look_down, smile, blink_twice,"
        " come_closer, comma separated; two at least are turns of the head.",
    )
    challenge_count: int = Field(COUNT, ge=2, le=5, description="Steps of one challenge.")
    challenge_without: Names = Field(
        (), description="Steps that people of a tenant are not asked for, as `tenant:step`, comma separated."
    )
    challenge_at_once: bool = Field(
        default=False,
        description="Let simple clients ask for all steps at once and post the frames; weaker (docs/liveness.md).",
    )
    template_growth: bool = Field(
        default=False,
        description="Let logins with liveness add to the templates of people who agree to it (docs/liveness.md).",
    )
    challenge_light: bool = Field(
        default=False,
        description="After the steps show ten colours on the screen, which the face must answer; not measured on people"
        " (docs/liveness.md), and refused where a device asks for less motion.",
    )
    pad: Literal["none", "deepface"] = Field(
        "none", description="A passive detector that must agree as well; `deepface`: `scripts/install --deepface`."
    )
    trusted_proxies: Names = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-For tells clients apart, comma separated."
    )
    consent_file: Path | None = Field(
        None, description="What people agree to (TOML: `version`, `login`, `attributes`, `overlays`); unset: built in."
    )
    retention_days: int | None = Field(
        None,
        ge=1,
        description="Erase who has not logged in for so many days (nor was enrolled since); unset: keep. Begins a day"
        " after it was set or the clock made a leap.",
    )
    workers: int = Field(0, ge=0, le=64, description="Requests worked on side by side; 0: one for each core.")
    processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes behind the one address (`--workers`), each with models and an index of its own; the"
        " cores are shared out among them (docs/nodes.md).",
    )
    queue: int = Field(16, ge=0, le=1024, description="Requests that may wait for a worker.")
    max_film_bytes: int = Field(64 * 2**20, ge=4096, description="Largest film over HTTP, bytes.")
    film_jobs: int = Field(
        4,
        ge=0,
        le=64,
        description="Films in memory at once, waiting, worked on or to be fetched; 0: none.",
    )
    live_connections: int = Field(
        4, ge=0, le=64, description="Cameras connected live at once, to each process; 0: none."
    )
    token_seconds: int = Field(900, ge=30, le=3600, description="Life of a login token, seconds.")
    token_key_days: int = Field(
        90, ge=1, le=3650, description="Age at which the key that signs tokens is followed by the next, days."
    )
    sweep_seconds: float = Field(30.0, gt=0, description="Pause between clean-up rounds, seconds.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_file: Path | None = Field(None, description="Log file; unset: standard error.")

    @field_validator(
        "allowed_hosts",
        "cors_origins",
        "attributes",
        "trusted_proxies",
        "challenge_steps",
        "challenge_without",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _known_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            try:
                everybody = ipaddress.ip_network(each).prefixlen == 0
            except ValueError:
                raise ValueError("is addresses or networks such as 10.0.0.5 and 10.0.0.0/24") from None
            if everybody:
                raise ValueError("trusts everybody: name the proxies")
        return value

    @field_validator("embedder", "previous_embedder")
    @classmethod
    def _known_embedder(cls, value: str | None) -> str | None:
        return None if value is None else embedder_name(value)

    @field_validator("attributes")
    @classmethod
    def _known_kinds(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value == ("none",):
            return ()
        if not set(value) <= KINDS:
            raise ValueError("is none, or some of age, gender, emotion")
        return value

    @field_validator("challenge_steps")
    @classmethod
    def _known_steps(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) <= set(Step):
            raise ValueError(f"is some of {', '.join(Step)}")
        return value

    @model_validator(mode="after")
    def _enough_steps(self) -> Self:
        if any(each.partition(":")[2] not in set(Step) for each in self.challenge_without):
            raise ValueError(f"{PREFIX}CHALLENGE_WITHOUT names steps as tenant:step")
        if self.challenge_light and self.challenge_at_once:
            raise ValueError(
                f"{PREFIX}CHALLENGE_LIGHT is not for {PREFIX}CHALLENGE_AT_ONCE: colours are told one by one"
            )
        for tenant in {each.partition(":")[0] for each in self.challenge_without} | {DEFAULT_TENANT}:
            try:
                draw(self.steps_of(tenant), self.challenge_count)
            except ValueError as error:
                raise ValueError(f"{PREFIX}CHALLENGE_STEPS: for tenant {tenant} {error}") from None
        return self

    def steps_of(self, tenant: str) -> tuple[Step, ...]:
        """What challenges of a tenant may ask for."""
        left_out = {each.partition(":")[2] for each in self.challenge_without if each.partition(":")[0] == tenant}
        return tuple(Step(each) for each in self.challenge_steps if each not in left_out)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.master_key_previous is not None and self.master_key is None:
            raise ValueError(f"{PREFIX}MASTER_KEY_PREVIOUS is given without {PREFIX}MASTER_KEY")
        if self.pkcs11_module is not None:
            if self.pkcs11_token is None or self.pkcs11_pin is None:
                raise ValueError(f"{PREFIX}PKCS11_MODULE needs {PREFIX}PKCS11_TOKEN and {PREFIX}PKCS11_PIN")
            if self.master_key is not None:
                raise ValueError(f"{PREFIX}PKCS11_MODULE and {PREFIX}MASTER_KEY are both given")
        if self.public and self.open_enrolment:
            raise ValueError(f"{PREFIX}OPEN_ENROLMENT is for loopback addresses only, without a proxy")
        return self

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(f"{PREFIX}TLS_CERT and {PREFIX}TLS_KEY go together")
        if self.https and self.tls_cert is not None:
            raise ValueError(f"{PREFIX}HTTPS makes a certificate of its own: unset it, or {PREFIX}TLS_CERT")
        if self.behind_proxy and not self.trusted_proxies:
            raise ValueError(
                f"{PREFIX}BEHIND_PROXY needs {PREFIX}TRUSTED_PROXIES: every client would count as the proxy"
            )
        return self

    @property
    def issuer(self) -> str:
        """The address under which others know this installation, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return self.public_url or f"{'https' if self.speaks_tls else 'http'}://{host}:{self.port}"

    @property
    def names(self) -> tuple[str, ...]:
        """Host names to answer under besides the bound one."""
        named = urlsplit(self.public_url or "").hostname
        return (*self.allowed_hosts, *([named] if named else []))

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def public(self) -> bool:
        """Whether others than programs on this machine reach the service."""
        return self.behind_proxy or not self.loopback

    @property
    def speaks_tls(self) -> bool:
        return self.https or self.tls_cert is not None

    @property
    def tls_folder(self) -> Path:
        """Of the certificate that is made here."""
        return self.home / "tls"

    @property
    def login_is_live(self) -> bool:
        """Whether pictures alone open nothing."""
        if self.login_requires is None:
            return self.public
        return self.login_requires == "live"

    @property
    def enrolment_is_open(self) -> bool:
        return not self.public if self.open_enrolment is None else self.open_enrolment

    @property
    def data_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'facewarden.db'}"

    @property
    def keys_url(self) -> str:
        return self.keystore_url or f"sqlite:///{self.home / 'keys.db'}"

    @property
    def key_file(self) -> Path:
        return self.home / "master.key"


def read(environment: Mapping[str, str], **overrides: object) -> Settings:
    """The settings of this process. Raises UnsafeSettings for an unknown, wrong or dangerous one.

    `environment` is checked for unknown names; pydantic-settings reads the values from the process itself.
    `overrides` that are not None win over it.
    """
    _refuse_unknown(environment)
    try:
        return Settings.model_validate({name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise UnsafeSettings("; ".join(_complaints(error))) from None


def _refuse_unknown(environment: Iterable[str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            if instead := REPLACED.get(name.upper().removeprefix(PREFIX)):
                raise UnsafeSettings(f"{name} is no setting any more: {instead}")
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
            raise UnsafeSettings(f"{name} is not a setting; the nearest known one is {near[0]}")


def _complaints(error: ValidationError) -> Iterable[str]:
    for part in error.errors(include_input=False, include_url=False):
        where = PREFIX + str(part["loc"][0]).upper() + ": " if part["loc"] else ""
        yield where + part["msg"].removeprefix("Value error, ")
