"""Who may talk to the service at all: hosts, origins, body sizes; and the headers every answer carries.

The guards are plain ASGI middlewares, so that they also see WebSockets and addresses that no route takes.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection

from service.asgi import App, Message, Receive, Scope, Send, refuse
from service.errors import Busy
from service.forms import MalformedBody, RequestTooLarge

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 - told apart here, not bound
FORWARDED: Final = frozenset(
    {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"}
)
"""What proxies add."""
HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>.+)")
PORTS: Final = {"http": 80, "https": 443}
API: Final = "/v1"
FOR_EVERYBODY: Final = re.compile(r"/v1/overlays/styles/[a-z]+/preview")
PREFLIGHT_SECONDS: Final = 600
EXPOSED_HEADERS: Final = (
    "X-Hides", "X-Faces-Hidden", "X-Faces-Drawn", "X-Faces-Still-Detectable", "X-Faces-Still-Matching",
    "X-Frames", "X-Frames-Blacked-Out", "X-Smallest-Face-Px", "X-Request-Id", "Retry-After",
)  # fmt: skip
STRICT_TRANSPORT_SECURITY: Final = "max-age=31536000"
"""A year, as OWASP ASVS 5 (3.4.1) asks for; not for subdomains, which are none of our business."""
BODIES_AT_ONCE: Final = 8
"""256 MiB at the default limit of a request."""

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)
ALLOWED_FEATURES: Final = ("camera", "clipboard-write")
REFUSED_FEATURES: Final = (
    "accelerometer", "bluetooth", "browsing-topics", "clipboard-read", "display-capture", "encrypted-media",
    "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer",
    "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial",
    "usb", "xr-spatial-tracking",
)  # fmt: skip
"""What browsers let a page ask for and this one never needs; an unknown name only makes them complain."""
SECURITY_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": ", ".join(
        [f"{name}=(self)" for name in ALLOWED_FEATURES] + [f"{name}=()" for name in REFUSED_FEATURES]
    ),
}
_SECURITY: Final = {name.encode(): value.encode() for name, value in SECURITY_HEADERS.items()}


@dataclass(frozen=True, slots=True)
class Authority:
    """A host name (lower case, IPv6 in brackets) and a port, None where none was given."""

    name: str
    port: int | None

    @classmethod
    def parse(cls, value: str) -> "Authority | None":
        """From a Host header or the end of an origin; None when it is neither."""
        found = HOST.fullmatch(value.lower())
        return None if found is None else cls(found["name"], int(found["port"]) if found["port"] else None)


@dataclass(frozen=True, slots=True)
class Origin:
    """A web origin (RFC 6454)."""

    scheme: str
    name: str
    port: int

    @classmethod
    def parse(cls, value: str) -> "Origin | None":
        """None for `null` and for everything that is no http(s) origin."""
        found = ORIGIN.fullmatch(value.lower())
        host = Authority.parse(found["host"]) if found else None
        if found is None or host is None:
            return None
        return cls(found["scheme"], host.name, PORTS[found["scheme"]] if host.port is None else host.port)

    def is_at(self, host: Authority) -> bool:
        """Whether a page of this origin was served by `host`. The scheme is not compared: behind a proxy that
        speaks TLS the service does not know the outer one."""
        return self.name == host.name and self.port == (PORTS[self.scheme] if host.port is None else host.port)


class OriginGuard:
    """Refuses requests and WebSockets under a foreign name or from a foreign web page.

    A page that somebody has open in their browser can reach a service on loopback. It is held off three times:
    - *Host* must be one of ours: loopback names, the address of `bound` (address and port listened on) or one of
      `hosts`. A rebound DNS name arrives under its own name. Any port will do: ports get forwarded, and what a page
      could not choose is the name.
    - *Origin*, when sent, must be the host and port asked for, or one of `origins`. `null` (sandboxed frames, files,
      redirects) never is. Other pages on this machine have another port, hence another origin.
    - *Sec-Fetch-Site*, when sent, must be `same-origin` or `none` (typed in, bookmarked); from one of `origins`
      anything. It also covers what carries no Origin, such as `<img src>`. Following a link from elsewhere to a page
      (GET, navigate, top level, not below /v1) is allowed: that page runs under its own origin and frame-ancestors
      keeps it out of frames.
    Programs that are no browsers send neither, and are held by the API key and the bind address.

    Pages of `origins` get the CORS headers that let them read answers.
    """

    def __init__(self, app: App, *, hosts: Iterable[str], origins: Iterable[str], bound: tuple[str, int]) -> None:
        self._app = app
        self._hosts = LOOPBACK | {_host_name(each) for each in hosts}
        if bound[0] not in ANY_ADDRESS:
            self._hosts |= {_host_name(bound[0])}
        self._origins = {_origin(each) for each in origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = self._host(headers)
        if host is None:
            await refuse(scope, send, "forbidden_host")
            return
        sent = headers.getlist("origin")
        origin = Origin.parse(sent[0]) if len(sent) == 1 else None
        listed = origin is not None and origin in self._origins
        if not listed and not self._from_here(scope, headers, origin, host):
            await refuse(scope, send, "forbidden_origin")
        elif listed and origin is not None and scope["type"] == "http":
            await self._across(scope, receive, send, sent[0])
        else:
            await self._app(scope, receive, send)

    def _host(self, headers: Headers) -> Authority | None:
        sent = headers.getlist("host")
        host = Authority.parse(sent[0]) if len(sent) == 1 else None
        return host if host is not None and host.name in self._hosts else None

    def _from_here(self, scope: Scope, headers: Headers, origin: Origin | None, host: Authority) -> bool:
        if "origin" in headers and (origin is None or not origin.is_at(host)):
            return False
        site = headers.get("sec-fetch-site")
        return site in {None, "same-origin", "none"} or _follows_a_link(scope, headers)

    async def _across(self, scope: Scope, receive: Receive, send: Send, origin: str) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(raw=message.setdefault("headers", []))
                answer["access-control-allow-origin"] = origin
                answer["access-control-expose-headers"] = ", ".join(EXPOSED_HEADERS)
                answer.add_vary_header("Origin")
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            await marked({"type": "http.response.start", "status": 204, "headers": _preflight()})
            await marked({"type": "http.response.body", "body": b""})
        else:
            await self._app(scope, receive, marked)


def _host_name(value: str) -> str:
    """The name as it stands in a Host header. Raises ValueError for something that is no host name."""
    address = value.lower().strip("[]")
    host = Authority.parse(f"[{address}]" if ":" in address else address)
    if host is None or host.port is not None:
        raise ValueError(f"{value!r} is not a host name")
    return host.name


def _origin(value: str) -> Origin:
    origin = Origin.parse(value.rstrip("/"))
    if origin is None:
        raise ValueError(f"{value!r} is not an origin such as https://example.org")
    return origin


def _follows_a_link(scope: Scope, headers: Headers) -> bool:
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and not is_api(scope["path"])
    )


def _preflight() -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
        (b"access-control-allow-headers", b"Authorization, Content-Type, X-Job-Secret"),
        (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
    ]


def is_api(path: str) -> bool:
    """Whether `path` belongs to the API rather than to the page."""
    return path == API or path.startswith(f"{API}/")


def is_private(path: str) -> bool:
    """Whether answers stay out of caches, whatever a route says."""
    return is_api(path) and FOR_EVERYBODY.fullmatch(path) is None


class BodyLimit:
    """Limits what request bodies hold in memory.

    Raises RequestTooLarge for a body of more than `limit` bytes: before reading when its length is declared, else as
    soon as it has grown too large. Raises Busy when the bodies of all requests that are not answered yet come to more
    than `at_once` times `limit`: however many connections there are, uploads cannot exhaust the memory.
    """

    def __init__(
        self, app: App, *, limit: int, at_once: int = BODIES_AT_ONCE, larger: Mapping[str, int] | None = None
    ) -> None:
        """`larger`: other limits than `limit`, by path."""
        self._app = app
        self._limit = limit
        self._larger = larger or {}
        self._most = at_once * limit
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        _check_declared(Headers(scope=scope), limit)
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                size = len(message.get("body", b""))
                received += size
                self._held += size
                if received > limit:
                    raise RequestTooLarge
                if self._held > self._most:
                    raise Busy
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= received


def _check_declared(headers: Headers, limit: int) -> None:
    for declared in headers.getlist("content-length"):
        if not declared.isascii() or not declared.isdigit():
            raise MalformedBody("Content-Length is not a number")
        # Compared by length first: a number of thousands of digits is never converted.
        if len(declared.lstrip("0")) > len(str(limit)) or int(declared) > limit:
            raise RequestTooLarge


def _under_loopback_name(scope: Scope) -> bool:
    host = Authority.parse(Headers(scope=scope).get("host", ""))
    return host is None or host.name in LOOPBACK


class SecurityHeaders:
    """Adds SECURITY_HEADERS to every answer, and keeps it out of caches unless the route says otherwise.

    `hsts`: TLS is ours, with a certificate that lasts: browsers shall ask for nothing else. Not under loopback names:
    they would hold it against every other service on the machine.
    """

    def __init__(self, app: App, *, hsts: bool = False) -> None:
        self._app = app
        self._hsts = hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [each for each in message.get("headers", []) if each[0] not in _SECURITY]
                message["headers"] += _SECURITY.items()
                answer = MutableHeaders(raw=message["headers"])
                if self._hsts and not _under_loopback_name(scope):
                    answer["strict-transport-security"] = STRICT_TRANSPORT_SECURITY
                if is_private(scope["path"]) or "cache-control" not in answer:
                    answer["cache-control"] = "no-store"
            await send(message)

        await self._app(scope, receive, marked)


def is_at_this_machine(connection: HTTPConnection) -> bool:
    """Whether a program on this machine asks by itself: not one elsewhere, and no proxy for somebody."""
    if connection.client is None or not FORWARDED.isdisjoint(connection.headers.keys()):
        return False
    host = Authority.parse(connection.headers.get("host", ""))
    try:
        address = ipaddress.ip_address(connection.client.host)
    except ValueError:
        return False
    return address.is_loopback and host is not None and host.name in LOOPBACK


def shown_bearer(connection: HTTPConnection) -> str | None:
    """What a request shows as its bearer token (RFC 6750); None where it shows none, or several."""
    sent = connection.headers.getlist("authorization")
    if len(sent) != 1:
        return None
    scheme, _, token = sent[0].partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None
