"""The service's settings: the only reader of the environment.

An unknown `FACEWARDEN_*` variable stops the start, since a misspelt setting silently ignored is a hole.
"""

import difflib
import ipaddress
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.tables import DEFAULT_TENANT
from db.tenants import NAME
from embeddings.attributes import KINDS
from embeddings.embedders import embedder_name
from service.errors import UnsafeSettings

PREFIX: Final = "FACEWARDEN_"
MINIMUM_API_KEY: Final = 24
"""Characters; 24 random base64 characters hold 144 bits."""

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
    database_url: str | None = Field(
        None, description="SQLAlchemy URL of the data; unset: `facewarden.db` in the home folder."
    )
    keystore_url: str | None = Field(
        None, description="SQLAlchemy URL of the person keys; unset: `keys.db` in the home folder."
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
    api_key: SecretStr | None = Field(
        None, description="Key that enrolment needs where it is not open; at least 24 characters."
    )
    api_keys: SecretStr | None = Field(
        None,
        description="Keys of further tenants, `tenant:key`, comma separated, each of at least 24 characters;"
        " FACEWARDEN_API_KEY is that of the tenant `default` (docs/tenants.md).",
    )
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
    allowed_origins: Names = Field(
        (), description="Origins of other web pages that may use the service, comma separated."
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
    trusted_proxies: Names = Field(
        (), description="Addresses of proxies whose X-Forwarded-For tells clients apart, comma separated."
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
    queue: int = Field(16, ge=0, le=1024, description="Requests that may wait for a worker.")
    max_film_bytes: int = Field(64 * 2**20, ge=4096, description="Largest film over HTTP, bytes.")
    film_jobs: int = Field(
        4, ge=0, le=64, description="Films in memory at once, waiting, worked on or to be fetched; 0: none."
    )
    live_connections: int = Field(4, ge=0, le=64, description="Cameras connected live at once; 0: none.")
    token_seconds: int = Field(900, ge=30, le=3600, description="Life of a login token, seconds.")
    sweep_seconds: float = Field(30.0, gt=0, description="Pause between clean-up rounds, seconds.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_file: Path | None = Field(None, description="Log file; unset: standard error.")

    @field_validator("allowed_hosts", "allowed_origins", "attributes", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

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

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.api_key is not None and len(self.api_key.get_secret_value()) < MINIMUM_API_KEY:
            raise ValueError(f"{PREFIX}API_KEY needs at least {MINIMUM_API_KEY} characters")
        _check_keys(self.tenant_keys, self.api_keys)
        if self.master_key_previous is not None and self.master_key is None:
            raise ValueError(f"{PREFIX}MASTER_KEY_PREVIOUS is given without {PREFIX}MASTER_KEY")
        if self.pkcs11_module is not None:
            if self.pkcs11_token is None or self.pkcs11_pin is None:
                raise ValueError(f"{PREFIX}PKCS11_MODULE needs {PREFIX}PKCS11_TOKEN and {PREFIX}PKCS11_PIN")
            if self.master_key is not None:
                raise ValueError(f"{PREFIX}PKCS11_MODULE and {PREFIX}MASTER_KEY are both given")
        if not self.loopback:
            if self.api_key is None and self.api_keys is None:
                raise ValueError(f"{PREFIX}HOST={self.host} is not a loopback address: set {PREFIX}API_KEY as well")
            if self.open_enrolment:
                raise ValueError(f"{PREFIX}OPEN_ENROLMENT is for loopback addresses only")
        return self

    @property
    def tenant_keys(self) -> Mapping[str, SecretStr]:
        """The key of each tenant that has one."""
        own = {} if self.api_key is None else {DEFAULT_TENANT: self.api_key}
        return own | {tenant: SecretStr(key) for tenant, key in _pairs(self.api_keys)}

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
    def enrolment_is_open(self) -> bool:
        return self.loopback if self.open_enrolment is None else self.open_enrolment

    @property
    def data_url(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'facewarden.db'}"

    @property
    def keys_url(self) -> str:
        return self.keystore_url or f"sqlite:///{self.home / 'keys.db'}"

    @property
    def key_file(self) -> Path:
        return self.home / "master.key"


def _pairs(keys: SecretStr | None) -> list[tuple[str, str]]:
    given = "" if keys is None else keys.get_secret_value()
    found = (part.strip().partition(":") for part in given.split(",") if part.strip())
    return [(tenant, key) for tenant, _, key in found]


def _check_keys(by_tenant: Mapping[str, SecretStr], given: SecretStr | None) -> None:
    """Never says what was given: a part without a name may be a key."""
    name, pairs = f"{PREFIX}API_KEYS", _pairs(given)
    if any(NAME.fullmatch(tenant) is None or len(key) < MINIMUM_API_KEY for tenant, key in pairs):
        raise ValueError(f"{name} is tenant:key, comma separated, each key of at least {MINIMUM_API_KEY} characters")
    if DEFAULT_TENANT in dict(pairs) or len(dict(pairs)) != len(pairs):
        raise ValueError(f"{name} gives a tenant twice; {PREFIX}API_KEY is that of {DEFAULT_TENANT}")
    if len({key.get_secret_value() for key in by_tenant.values()}) != len(by_tenant):
        raise ValueError(f"{name} gives two tenants the same key")


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
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)
            raise UnsafeSettings(f"{name} is not a setting; the nearest known one is {near[0]}")


def _complaints(error: ValidationError) -> Iterable[str]:
    for part in error.errors(include_input=False, include_url=False):
        where = PREFIX + str(part["loc"][0]).upper() + ": " if part["loc"] else ""
        yield where + part["msg"].removeprefix("Value error, ")
