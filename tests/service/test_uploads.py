import asyncio
import base64
import json
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect

from service.multipart import MAX_FIELD_BYTES, MAX_PARTS, MultipartReader
from service.uploads import (
    Form,
    InvalidField,
    MalformedBody,
    MissingImage,
    OneImageOnly,
    RequestTooLarge,
    TooManyImages,
    UnsupportedMediaType,
    UploadRefused,
    boolean,
    captured_at,
    choice,
    identifier,
    integer,
    one_image,
    read_form,
    read_json,
    text,
)
from tests.service.bodies import BOUNDARY, Request, cut, multipart, part

MIB = 2**20
PICTURE = b"\xff\xd8 picture \r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n--\xff\xd9"
"""Bytes that look like the beginning of a delimiter."""


def read(request: Request, max_bytes: int = 32 * MIB, max_images: int = 10) -> Form:
    return asyncio.run(read_form(request, max_bytes, max_images))


def read_json_body(members: object) -> Form:
    return read(Request([json.dumps(members).encode()], "application/json; charset=utf-8"))


def form(**fields: Sequence[str]) -> Form:
    return Form((b"a", b"b"), {name: tuple(values) for name, values in fields.items()})


class Colour(StrEnum):
    RED = "red"


# multipart


def test_pictures_and_fields_come_in_the_order_sent() -> None:
    body = multipart(
        part("image", PICTURE, "me.jpg", "Content-Type: image/jpeg"),
        part("label", "Zoë".encode()),
        part("images", b"second"),
        part("captured_at", b"1"),
        part("captured_at", b"2"),
    )
    got = read(Request([body]))
    assert got.images == (PICTURE, b"second")
    assert got.fields == {"label": ("Zoë",), "captured_at": ("1", "2")}


def test_neither_content_nor_file_names_are_shown_or_kept() -> None:
    got = read(Request([multipart(part("image", b"secret picture", "marked-name.jpg"), part("label", b"marked"))]))
    assert "marked" not in repr(got)
    assert "secret" not in repr(got)
    assert "marked-name" not in str(got.fields)


@given(
    pictures=st.lists(st.binary(max_size=200) | st.just(PICTURE), min_size=1, max_size=4),
    fields=st.lists(st.tuples(st.sampled_from(["a", "label", "ünï"]), st.text(max_size=40)), max_size=4),
    places=st.lists(st.integers(0, 10_000), max_size=30),
)
def test_where_the_pieces_are_cut_makes_no_difference(
    pictures: list[bytes], fields: list[tuple[str, str]], places: list[int]
) -> None:
    delimiter = b"\r\n--" + BOUNDARY.encode()
    body = multipart(
        *(part("image", picture.replace(delimiter, b""), "x") for picture in pictures),
        *(part(name, value.encode()) for name, value in fields),
    )
    whole = read(Request([body]))
    assert len(whole.images) == len(pictures)
    assert read(Request(cut(body, places))) == whole
    assert sum(map(len, whole.fields.values())) == len(fields)


def test_every_single_cut_and_byte_by_byte() -> None:
    body = multipart(part("image", PICTURE, "x"), part("label", b"-"), part("image", b"\r\n"))
    whole = read(Request([body]))
    assert whole.images == (PICTURE, b"\r\n")
    for place in range(len(body)):
        assert read(Request([body[:place], body[place:]])) == whole
    assert read(Request([bytes([each]) for each in body])) == whole


FRAGMENTS = st.sampled_from(
    [
        f"--{BOUNDARY}".encode(), b"--", b"\r\n", b"\r", b"\n", b":", b"Content-Disposition: form-data; name=\"image\"",
        b"Content-Disposition: form-data; name=x; filename=y", b"Content-Transfer-Encoding: base64", b"\xff\x00", b" ",
        b"\r\n\r\n",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS | st.binary(max_size=20), max_size=20), st.lists(st.integers(0, 1000), max_size=8))
def test_any_bytes_give_a_form_or_one_of_our_errors_wherever_they_are_cut(pieces: list[bytes], cuts: list[int]) -> None:
    def outcome(chunks: list[bytes]) -> Form | type[UploadRefused]:
        try:
            return read(Request(chunks))
        except UploadRefused as refusal:
            return type(refusal)

    for body in (b"".join(pieces), f"--{BOUNDARY}\r\n".encode() + b"".join(pieces)):
        assert outcome([body]) == outcome(cut(body, cuts))


@given(st.binary(max_size=80))
def test_any_content_type_gives_one_of_our_errors(content_type: bytes) -> None:
    with pytest.raises(UploadRefused):
        read(Request([b"x"], content_type.decode("latin-1")))
    with pytest.raises(UploadRefused):
        read(Request([b"x"], "multipart/form-data; boundary=" + content_type.decode("latin-1")))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"preamble\r\n" + multipart(part("image", b"x")),
        multipart(part("image", b"x"))[:-6],
        part("image", b"x"),
        multipart(part("image", b"x", None, "Content-Transfer-Encoding: base64")),
        multipart(part("image", b"x", None, 'Content-Disposition: form-data; name="label"')),
        multipart(part("image", b"x", None, "X: " + "y" * 5000)),
        multipart(part("image", b"x", None, *(f"X-{number}: y" for number in range(8)))),
        multipart(part("label", b"\xff\xfe")),
        f"--{BOUNDARY}\r\nContent-Disposition: attachment\r\n\r\nx\r\n--{BOUNDARY}--".encode(),
    ],
    ids=["empty", "preamble", "cut off", "no end", "encoded", "twice", "long header", "many", "not utf-8", "no name"],
)
def test_what_is_not_well_formed_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read(Request([body]))


def test_limits_hold_while_reading_not_after() -> None:
    endless = Request([part("image", b"x")[:-2], *[bytes(64 * 1024)] * 1000])
    with pytest.raises(RequestTooLarge):
        read(endless, max_bytes=MIB)
    assert endless.read <= 18

    many = multipart(*(part("image", b"x") for _ in range(3)))
    assert len(read(Request([many]), max_images=3).images) == 3
    with pytest.raises(TooManyImages):
        read(Request([many]), max_images=2)

    half = b"x" * (MAX_FIELD_BYTES // 2)
    with pytest.raises(RequestTooLarge):
        read(Request([multipart(part("image", b"x"), part("a", half), part("b", half))]))
    with pytest.raises(RequestTooLarge):
        read(Request([multipart(part("image", b"x"), *(part("a", b"") for _ in range(MAX_PARTS)))]))


def test_a_body_of_just_the_limit_is_taken() -> None:
    body = multipart(part("image", b"x" * 1000))
    assert read(Request([body]), max_bytes=len(body)).images == (b"x" * 1000,)
    with pytest.raises(RequestTooLarge):
        read(Request([body]), max_bytes=len(body) - 1)


def test_a_file_under_another_name_is_told_by_the_name_of_its_field() -> None:
    with pytest.raises(InvalidField) as refusal:
        read(Request([multipart(part("photo", b"x", "a.jpg"))]))
    assert refusal.value.field == "photo"
    with pytest.raises(InvalidField) as refusal:
        read(Request([multipart(part("<script>", b"x", "a.jpg"))]))
    assert refusal.value.field == "?"


def test_a_picture_is_needed_and_an_unchosen_file_is_none() -> None:
    for body in (multipart(part("label", b"x")), multipart(part("image", b"", ""))):
        with pytest.raises(MissingImage):
            read(Request([body]))
    assert read(Request([multipart(part("image", b"", "empty.jpg"))])).images == (b"",)


def test_other_kinds_of_bodies_are_not_understood() -> None:
    for content_type in ("image/jpeg", "application/x-www-form-urlencoded", "", "text/plain"):
        with pytest.raises(UnsupportedMediaType):
            read(Request([b"x"], content_type))
    with pytest.raises(UnsupportedMediaType):
        read(Request([multipart(part("image", b"x"))], more={"content-encoding": "gzip"}))


def test_memory_stays_near_the_size_of_the_body() -> None:
    body = multipart(part("image", bytes(9 * MIB)), part("image", bytes(9 * MIB)))
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    request = Request(pieces)
    del body
    tracemalloc.start()
    try:
        read(request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 * MIB


# clients


def test_a_client_that_goes_away_is_a_body_that_ended_early() -> None:
    with pytest.raises(MalformedBody):
        read(Request([part("image", b"x")], error=ClientDisconnect()))


def test_a_client_that_is_too_slow_is_let_go() -> None:
    class Slow(Request):
        async def stream(self) -> AsyncIterator[bytes]:
            yield part("image", b"x")
            await asyncio.Event().wait()

    with pytest.raises(MalformedBody, match="slow"):
        asyncio.run(read_form(Slow([]), MIB, 1, grace=0.05))


def test_what_has_come_buys_time_for_the_rest() -> None:
    class Steady(Request):
        async def stream(self) -> AsyncIterator[bytes]:
            yield part("image", bytes(1000))
            await asyncio.sleep(0.05)
            yield multipart()

    assert len(asyncio.run(read_form(Steady([]), MIB, 1, grace=0, slowest=1)).images) == 1


# JSON


def test_json_is_as_good_as_multipart() -> None:
    encoded = base64.b64encode(PICTURE).decode()
    assert read_json_body({"image": encoded}) == Form((PICTURE,), {})
    assert read_json_body({"images": [encoded, f"data:image/jpeg;base64,{encoded}"]}).images == (PICTURE, PICTURE)
    assert read_json_body({"image": encoded[:10] + "\n" + encoded[10:]}).images == (PICTURE,)
    got = read_json_body(
        {"image": encoded, "consent": True, "label": "Zoë", "user_id": None, "captured_at": [1, 2.5, None]}
    )
    assert got.fields == {"consent": ("true",), "label": ("Zoë",), "captured_at": ("1", "2.5", "")}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"image": "x"} y', b'{"image": NaN}', b'"x"', b"\xff", b'{"image": 1}', b'{"image": [[]]}',
        b'{"image": "***"}', b'{"image": "YQ"}', '{"image": "ü"}'.encode(), b'{"image": "data:text/plain,hello"}',
        b'{"a": ' + b"9" * 5000 + b"}", b'{"image": "YQ==", "a": "\\ud800"}', b'{"image": "YQ==", "\\udfff": "a"}',
        b'{"image": "YQ==", "a": ["", "\\udfff\\ud800"]}', b'{"image": "\\ud800"}',
    ],
)  # fmt: skip
def test_json_that_is_not_ours_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        read(Request([body], "application/json"))


def test_json_has_limits_of_its_own() -> None:
    with pytest.raises(TooManyImages):
        read_json(json.dumps({"image": ["YQ=="] * 3}).encode(), 2)
    with pytest.raises(MissingImage):
        read_json_body({"image": [], "label": "x"})
    with pytest.raises(RequestTooLarge):
        read_json_body({"image": "YQ==", "label": "x" * (MAX_FIELD_BYTES + 1)})
    with pytest.raises(InvalidField):
        read_json_body({"image": "YQ==", "label": {"a": 1}})


def test_json_made_of_brackets_does_not_blow_up_in_memory() -> None:
    for body in (b"[" * MIB, b"[" + b"[]," * MIB + b"[]]", b'{"a":' * 60_000):
        tracemalloc.start()
        try:
            with pytest.raises(UploadRefused):
                read(Request([body], "application/json"))
            assert tracemalloc.get_traced_memory()[1] < 5 * len(body) + 16 * MIB
        finally:
            tracemalloc.stop()


SURROGATES_TOO = st.characters(exclude_categories=())
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(SURROGATES_TOO, max_size=20),
    lambda v: st.lists(v, max_size=4),
)


@given(st.dictionaries(st.sampled_from(["image", "images", "label", "x"]), JSON_VALUES) | JSON_VALUES)
def test_any_json_gives_a_form_or_one_of_our_errors(value: object) -> None:
    with suppress(UploadRefused):
        read = read_json_body(value)
        assert read.images
        assert all(each.encode() is not None for values in read.fields.values() for each in values)


# fields


@pytest.mark.parametrize(
    ("values", "meaning"),
    [
        ((), False),
        (("true",), True),
        (("1",), True),
        (("YES",), True),
        (("on",), True),
        (("0",), False),
        (("",), False),
    ],
)
def test_booleans(values: Sequence[str], meaning: bool) -> None:
    assert boolean(form(consent=values), "consent") is meaning


@pytest.mark.parametrize("values", [("maybe",), ("true", "true"), ("2",)])
def test_an_unclear_boolean_is_refused(values: Sequence[str]) -> None:
    with pytest.raises(InvalidField) as refusal:
        boolean(form(consent=values), "consent")
    assert refusal.value.field == "consent"
    assert values[0] not in str(refusal.value)


def test_identifiers_are_plain_uuids_and_an_empty_one_is_no_absent_one() -> None:
    known = UUID("3f9b2c1e-4a5d-4e6f-8a7b-9c0d1e2f3a4b")
    assert identifier(form(user_id=(str(known),)), "user_id") == known
    assert identifier(form(user_id=(known.hex,)), "user_id") == known
    assert identifier(form(), "user_id") is None
    for wrong in ("", "x", "{" + str(known) + "}", f"urn:uuid:{known}", str(known)[:-1], "z" * 32):
        with pytest.raises(InvalidField):
            identifier(form(user_id=(wrong,)), "user_id")


def test_integers() -> None:
    assert integer(form(n=("-3",)), "n", -5, 5) == -3
    assert integer(form(), "n", 0, 1) is None
    for wrong in ("", "6", "1.0", "٣", "9" * 5000, "--1", " 1"):
        with pytest.raises(InvalidField):
            integer(form(n=(wrong,)), "n", -5, 5)


def test_texts() -> None:
    assert text(form(label=("  Zoë 👨‍👩‍👧\nB ",)), "label", 20) == "Zoë 👨‍👩‍👧\nB"
    assert text(form(label=(" ",)), "label", 20) is None
    for wrong in ("x" * 21, "a\x00b", "a\x1b[31m"):
        with pytest.raises(InvalidField):
            text(form(label=(wrong,)), "label", 20)


def test_choices() -> None:
    assert choice(form(c=("red",)), "c", Colour) is Colour.RED
    assert choice(form(), "c", Colour) is None
    with pytest.raises(InvalidField):
        choice(form(c=("blue",)), "c", Colour)


def test_moments_are_milliseconds_one_for_each_picture() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert captured_at(form(captured_at=(str(now * 1000), ""))) == (now, None)
    assert captured_at(form()) is None
    for wrong in (("1",), ("1", "2", "3"), ("1", "nan"), ("1", "inf"), ("1", "-1"), ("1", "1e300"), ("1", "now")):
        with pytest.raises(InvalidField):
            captured_at(form(captured_at=wrong))


def test_exactly_one_picture_where_one_is_asked_for() -> None:
    assert one_image(Form((b"a",), {})) == b"a"
    with pytest.raises(OneImageOnly):
        one_image(form())
    with pytest.raises(MissingImage):
        one_image(Form((), {}))


def test_a_reader_stops_at_the_end_of_the_form_and_ignores_what_follows() -> None:
    reader = MultipartReader(BOUNDARY.encode(), 1)
    reader.feed(multipart(part("image", b"x")) + b"epilogue")
    reader.feed(b"more")
    assert reader.finish().images == (b"x",)
