import pytest

from service.errors import UnsafeSettings
from service.settings import GONE, PREFIX, Settings, read


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv("FACEWARDEN_" + name.upper(), raising=False)


def test_an_unknown_variable_stops_the_start_and_names_the_nearest_known_one() -> None:
    with pytest.raises(UnsafeSettings, match=r"FACEWARDEN_PROT .* nearest known one is FACEWARDEN_PORT"):
        read({"FACEWARDEN_PROT": "9"})


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("FACEWARDEN_API_KEY", "facewarden keys api create"),
        ("FACEWARDEN_API_KEYS", "facewarden keys api create"),
        ("FACEWARDEN_ALLOWED_ORIGINS", "FACEWARDEN_CORS_ORIGINS"),
    ],
)
def test_a_setting_of_earlier_versions_stops_the_start_and_names_what_took_its_place(name: str, instead: str) -> None:
    with pytest.raises(UnsafeSettings, match=f"{name} is no setting any more.*{instead}") as refusal:
        read({name: "s3cret-value"})
    assert "s3cret-value" not in str(refusal.value)
    assert "nearest" not in str(refusal.value)


def test_what_took_the_place_of_settings_is_there() -> None:
    assert not {name.removeprefix(PREFIX).lower() for name in GONE} & set(Settings.model_fields)
    assert "cors_origins" in Settings.model_fields


def test_variables_of_others_are_none_of_our_business() -> None:
    assert read({"PORT": "9", "FACE": "x"}).port == 8000


def test_values_come_from_the_environment_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWARDEN_PORT", "9000")
    monkeypatch.setenv("FACEWARDEN_ALLOWED_HOSTS", "a.example, b.example,")
    assert read({}).port == 9000
    assert read({}, port=9001, host=None).port == 9001
    assert read({}).allowed_hosts == ("a.example", "b.example")


def test_enrolment_is_never_open_on_a_public_address() -> None:
    with pytest.raises(UnsafeSettings, match="loopback addresses only"):
        read({}, host="192.0.2.1", open_enrolment=True)
    assert not read({}, host="0.0.0.0").enrolment_is_open


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_addresses_enrol_openly_unless_told_otherwise(host: str) -> None:
    assert read({}, host=host).enrolment_is_open
    assert not read({}, host=host, open_enrolment=False).enrolment_is_open


def test_a_wrong_value_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEWARDEN_PORT", "not-a-port-7531")
    with pytest.raises(UnsafeSettings, match="FACEWARDEN_PORT") as refusal:
        read({})
    assert "7531" not in str(refusal.value)


def test_secrets_do_not_show() -> None:
    shown = repr(read({}, master_key="m" * 44))
    assert "m" * 44 not in shown


@pytest.mark.parametrize("name", ["EMBEDDER", "PREVIOUS_EMBEDDER"])
def test_an_embedder_is_one_that_ships_or_a_model_file(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for known in ("fused", "onnx", "dlib", "onnx:/nets/own.onnx"):
        monkeypatch.setenv(f"FACEWARDEN_{name}", known)
        assert getattr(read({}), name.lower()) == known
    for wrong in ("", "arcface", "onnx:/nets/own.bin"):
        monkeypatch.setenv(f"FACEWARDEN_{name}", wrong)
        with pytest.raises(UnsafeSettings, match=rf"FACEWARDEN_{name}: is one of onnx, dlib, fused"):
            read({})


def test_a_previous_master_key_without_a_present_one_is_refused() -> None:
    with pytest.raises(UnsafeSettings, match="MASTER_KEY_PREVIOUS is given without"):
        read({}, master_key_previous="m" * 44)


def test_a_hardware_module_needs_a_token_and_a_pin_and_no_other_master_key() -> None:
    module = {"pkcs11_module": "/usr/lib/module.so", "pkcs11_token": "token"}
    with pytest.raises(UnsafeSettings, match="needs FACEWARDEN_PKCS11_TOKEN"):
        read({}, **module)
    with pytest.raises(UnsafeSettings, match="both given"):
        read({}, **module, pkcs11_pin="1234", master_key="m" * 44)
    assert "1234" not in repr(read({}, **module, pkcs11_pin="1234"))


@pytest.mark.parametrize(
    ("given", "issuer", "names"),
    [
        ({}, "http://127.0.0.1:8000", ()),
        ({"host": "::1", "port": 9}, "http://[::1]:9", ()),
        ({"host": "0.0.0.0"}, "http://0.0.0.0:8000", ()),
        ({"https": True}, "https://127.0.0.1:8000", ()),
        ({"host": "0.0.0.0", "public_url": "https://login.example"}, "https://login.example", ("login.example",)),
    ],
)
def test_the_service_answers_under_the_address_that_it_signs_with(
    given: dict[str, object], issuer: str, names: tuple[str, ...]
) -> None:
    settings = read({}, **given)
    assert (settings.issuer, settings.names) == (issuer, names)


@pytest.mark.parametrize(
    "url", ["login.example", "https://login.example/", "https://Login.example", "ftp://login.example"]
)
def test_an_address_that_tokens_could_not_name_stops_the_start(url: str) -> None:
    with pytest.raises(UnsafeSettings, match="PUBLIC_URL"):
        read({}, public_url=url)
