import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from service.access import (
    Authority,
    BodyLimit,
    Origin,
    OriginGuard,
    SecurityHeaders,
    shown_bearer,
)
from service.app import create_app
from service.asgi import App, Message, Receive, Scope, Send
from service.bootstrap import Application
from service.problems import Problems
from tests.service.asgi_client import Pairs, call, connect, echo, scope

HERE = "127.0.0.1:8000"
ELSEWHERE = "https://evil.example"
LISTED = "https://app.example.org"


def guarded(app: App = echo, bound: str = "127.0.0.1") -> App:
    return OriginGuard(app, hosts=["face.example.org", "2001:db8::1"], origins=[LISTED + "/"], bound=(bound, 8000))


def headers(host: str = HERE, **more: str) -> Pairs:
    return [("Host", host), *((name.replace("_", "-"), value) for name, value in more.items())]


# Host


@pytest.mark.parametrize(
    "host",
    [
        HERE,
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "[::1]:8000",
        "face.example.org",
        "Face.Example.Org:443",
        "[2001:db8::1]",
    ],
)
def test_names_of_ours_are_answered(host: str) -> None:
    assert call(guarded(), headers=headers(host)).status == 200
    assert connect(guarded(), "/x", headers(host)).status == 101


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.2", "0.0.0.0", "[::]", "::1",
        "", "localhost:", "localhost:x", "localhost:8000@evil.example", "evil.example#localhost", "localhost/../",
        "local host", "127.1", "2130706433", "localhost\tx", "user@localhost", "localhost.",
    ],
)  # fmt: skip
def test_foreign_names_are_refused_as_a_rebound_page_would_send_them(host: str) -> None:
    for path in ("/", "/v1/me", "/healthz", "/no/such/address"):
        answer = call(guarded(), path=path, headers=headers(host))
        assert answer.status == 421
        assert answer.code == "forbidden_host"
        assert answer.headers["content-type"] == "application/problem+json"
    assert connect(guarded(), "/x", headers(host)).status == 403


def test_a_missing_or_second_host_is_refused() -> None:
    assert call(guarded(), headers=[]).code == "forbidden_host"
    assert call(guarded(), headers=[("Host", HERE), ("Host", HERE)]).code == "forbidden_host"
    assert connect(guarded(), "/x", []).status == 403


def test_the_bound_address_is_a_name_of_ours_but_any_address_is_none() -> None:
    assert call(guarded(bound="192.168.1.5"), headers=headers("192.168.1.5:8000")).status == 200
    assert call(guarded(bound="::1"), headers=headers("[::1]:8000")).status == 200
    assert call(guarded(bound="0.0.0.0"), headers=headers("0.0.0.0:8000")).status == 421
    assert call(guarded(bound="0.0.0.0"), headers=headers("localhost:8000")).status == 200


def test_forwarded_names_are_not_believed() -> None:
    assert call(guarded(), headers=headers("evil.example", X_Forwarded_Host=HERE)).status == 421


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=30))
def test_any_header_is_parsed_or_not_but_never_fails(value: str) -> None:
    found = Authority.parse(value)
    assert found is None or value.lower().startswith(found.name)
    Origin.parse(value)
    assert Origin.parse("http://" + value) is None or found is not None


# Origin


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "origin",
    [
        ELSEWHERE, "null", "", "http://127.0.0.1:3000", "http://127.0.0.1", "http://localhost:8000", "file://",
        "http://127.0.0.1:8000.evil.example", "http://127.0.0.1:8000/", "ftp://127.0.0.1:8000", "127.0.0.1:8000",
        "http://user@127.0.0.1:8000", f"{LISTED}.evil.example", "http://app.example.org", f"{LISTED} {ELSEWHERE}",
    ],
)  # fmt: skip
def test_other_pages_are_refused_with_every_method_and_on_every_route(method: str, origin: str) -> None:
    for path in ("/", "/v1/me", "/no/such/address"):
        answer = call(guarded(), method, path, headers(Origin=origin))
        assert answer.status == 403
        assert answer.code == "forbidden_origin"
        assert "access-control-allow-origin" not in answer.headers
    assert connect(guarded(), "/v1/live", headers(Origin=origin)).status == 403


def test_two_origins_are_refused() -> None:
    twice = [*headers(), ("Origin", f"http://{HERE}"), ("Origin", f"http://{HERE}")]
    assert call(guarded(), "POST", headers=twice).code == "forbidden_origin"


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        (HERE, f"http://{HERE}"),
        ("face.example.org", "https://face.example.org"),
        ("face.example.org:443", "https://face.example.org"),
        ("localhost", "http://localhost:80"),
        ("[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_our_own_page_is_let_in(host: str, origin: str) -> None:
    for method in METHODS:
        assert (
            call(guarded(), method, "/v1/login", headers(host, Origin=origin, Sec_Fetch_Site="same-origin")).status
            == 200
        )
    assert connect(guarded(), "/v1/live", headers(host, Origin=origin)).status == 101


def test_programs_that_are_no_browsers_send_no_origin() -> None:
    assert call(guarded(), "POST", "/v1/login", headers()).status == 200
    assert connect(guarded(), "/v1/live", headers()).status == 101


# Sec-Fetch-Site


LINK = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}


def test_a_link_from_elsewhere_opens_the_page_and_nothing_else() -> None:
    assert call(guarded(), "GET", "/", headers(**LINK)).status == 200
    for path in ("/v1", "/v1/me"):
        assert call(guarded(), "GET", path, headers(**LINK)).code == "forbidden_origin"
    assert call(guarded(), "POST", "/", headers(**LINK)).code == "forbidden_origin"
    assert call(guarded(), "GET", "/", headers(**LINK | {"Sec_Fetch_Dest": "iframe"})).code == "forbidden_origin"
    assert call(guarded(), "GET", "/", headers(**LINK, Origin=ELSEWHERE)).code == "forbidden_origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "new-word"])
@pytest.mark.parametrize("mode", ["no-cors", "cors", "websocket"])
def test_what_another_page_embeds_or_fetches_is_refused_without_an_origin_too(site: str, mode: str) -> None:
    for path in ("/", "/healthz", "/web/app.js", "/v1/me"):
        told = headers(Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest="image")
        assert call(guarded(), "GET", path, told).code == "forbidden_origin"
    assert connect(guarded(), "/v1/live", headers(Sec_Fetch_Site=site)).status == 403


def test_typed_addresses_are_let_in() -> None:
    assert call(guarded(), "GET", "/v1/me", headers(Sec_Fetch_Site="none", Sec_Fetch_Mode="navigate")).status == 200


# Listed origins


def test_a_listed_page_may_use_the_service_and_read_its_answers() -> None:
    told = headers(Origin=LISTED, Sec_Fetch_Site="cross-site")
    answer = call(guarded(), "POST", "/v1/login", told)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == LISTED
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    assert connect(guarded(), "/v1/live", told).status == 101


def test_a_listed_page_may_ask_first() -> None:
    told = headers(
        Origin=LISTED, Access_Control_Request_Method="DELETE", Access_Control_Request_Headers="authorization"
    )
    answer = call(guarded(), "OPTIONS", "/v1/me", told)
    assert answer.status == 204
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "Authorization" in answer.headers["access-control-allow-headers"]


def test_a_listed_page_does_not_make_a_foreign_host_ours() -> None:
    assert call(guarded(), "POST", "/v1/login", headers("app.example.org", Origin=LISTED)).code == "forbidden_host"


@pytest.mark.parametrize("wrong", ["*", "example.org", "null", "https://example.org/path", "https://"])
def test_an_origin_that_is_none_stops_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="not an origin"):
        OriginGuard(echo, hosts=[], origins=[wrong], bound=("127.0.0.1", 8000))


@pytest.mark.parametrize("wrong", ["*", "example.org:80", "https://example.org", ""])
def test_a_host_that_is_none_stops_the_start(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a host"):
        OriginGuard(echo, hosts=[wrong], origins=[], bound=("127.0.0.1", 8000))


# Body


def limited(limit: int = 100) -> App:
    return Problems(BodyLimit(echo, limit=limit))


def test_a_declared_length_is_refused_before_anything_is_read() -> None:
    async def must_not_read(*_: object) -> None:
        raise AssertionError

    app = Problems(BodyLimit(must_not_read, limit=100))
    for length in ("101", "9" * 5000):
        answer = call(app, "POST", "/", headers(Content_Length=length), [b"x"])
        assert answer.status == 413
        assert answer.code == "request_too_large"
    for length in ("-1", "1e3", "x", "٣".encode().decode("latin-1")):
        assert call(app, "POST", "/", headers(Content_Length=length), [b"x"]).code == "malformed_body"


def test_what_turns_out_larger_than_declared_is_refused_too() -> None:
    assert call(limited(), "POST", "/", headers(), [b"x" * 60, b"x" * 40]).body == b"100"
    for told in (headers(), headers(Content_Length="000100")):
        assert call(limited(), "POST", "/", told, [b"x" * 60, b"x" * 41]).code == "request_too_large"


def test_bodies_of_all_requests_together_are_limited_and_freed_again() -> None:
    app = BodyLimit(echo, limit=100, at_once=2)

    async def story() -> list[int]:
        gate = asyncio.Event()
        statuses: list[int] = []

        async def one() -> None:
            pieces = [b"x" * 90, b"x"]

            async def receive() -> Message:
                if len(pieces) == 1:
                    await gate.wait()
                return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

            async def send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])

            await Problems(app)(scope("POST", "/", headers()), receive, send)

        waiting = [asyncio.create_task(one()) for _ in range(2)]
        await asyncio.sleep(0)
        await one()
        gate.set()
        await asyncio.gather(*waiting)
        await one()
        return statuses

    assert asyncio.run(story()) == [503, 200, 200, 200]


# Headers


def test_every_answer_carries_the_security_headers() -> None:
    app = SecurityHeaders(guarded())
    for path, host in (("/", HERE), ("/v1/me", HERE), ("/v1/me", "evil.example")):
        answer = call(app, path=path, headers=headers(host))
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("camera=(self), ")
        assert "microphone=()" in answer.headers["permissions-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_the_page_may_choose_its_own_caching_but_the_api_may_not() -> None:
    async def cached(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})
        await send({"type": "http.response.body"})

    assert call(SecurityHeaders(cached), path="/web/a.js").headers["cache-control"] == "public"
    assert call(SecurityHeaders(cached), path="/v1/me").headers["cache-control"] == "no-store"
    assert call(SecurityHeaders(cached), path="/v1/overlays/styles/solid/preview").headers["cache-control"] == "public"
    assert call(SecurityHeaders(cached), path="/v1/overlays/styles/x/preview/y").headers["cache-control"] == "no-store"


# Keys


def request(*authorization: str) -> Request:
    return Request(dict(scope("GET", "/", [("Authorization", each) for each in authorization])))


def test_a_bearer_token_is_found() -> None:
    assert shown_bearer(request("Bearer abc")) == "abc"
    assert shown_bearer(request("bearer  abc ")) == "abc"


@pytest.mark.parametrize(
    "wrong", [(), ("",), ("Bearer",), ("Bearer ",), ("Basic abc",), ("abc",), ("Bearer a", "Bearer a")]
)
def test_no_token_is_found_where_there_is_none_or_more_than_one(wrong: tuple[str, ...]) -> None:
    assert shown_bearer(request(*wrong)) is None


def test_a_preflight_answer_covers_every_method_of_the_api(application: Application) -> None:
    document = create_app(application).openapi()
    methods = {method.upper() for path in document["paths"].values() for method in path}
    assert {"GET", "POST", "DELETE"} <= methods
    told = headers(Origin=LISTED, Access_Control_Request_Method="POST", Access_Control_Request_Headers="content-type")
    answer = call(guarded(), "OPTIONS", "/v1/login", told)
    assert methods <= set(answer.headers["access-control-allow-methods"].split(", "))


# Transport


@pytest.mark.parametrize("name", ["face.example.org", "192.168.1.20"])
def test_browsers_are_told_to_stay_with_tls_where_it_is_ours(name: str) -> None:
    def told(app: App, host: str) -> str | None:
        return call(app, headers=headers(host)).headers.get("strict-transport-security")

    assert told(SecurityHeaders(echo, hsts=True), name) == "max-age=31536000"
    assert told(SecurityHeaders(echo, hsts=False), name) is None
    assert told(SecurityHeaders(echo, hsts=True), "localhost:8443") is None
