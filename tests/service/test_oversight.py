"""What operators see and do over HTTP: people, activity, the log's state, settings, models, look-alikes."""

import asyncio
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlmodel import col

from db.api_keys import Role
from db.details import ATTRIBUTES
from db.errors import Fault, RecordUnreadable
from db.records import NewTemplate
from db.storage import Storage
from db.tables import DetailRow, PersonRow
from embeddings.cards import cards
from service.app import create_app
from service.bootstrap import Application, build
from service.metrics import REQUEST_BUCKETS
from service.percentiles import percentile
from service.routes import models
from service.settings import Settings
from service.shown import shown
from service.workflows.activity import STEPS, Span, activity
from service.workflows.examine import Examine
from service.workflows.tenancy import create
from tests.db.people import AGREED, Clock
from tests.service.api_keys import keys_in
from tests.service.asgi_client import Answer, call

PEOPLE = "/v1/admin/people"
START = Clock().now


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Application]:
    home = tmp_path_factory.mktemp("oversight") / "home"
    built = build(Settings(home=home, embedder="onnx", attributes=()), clock)
    create(built.storage, "acme")
    yield built
    built.close()


@pytest.fixture
def storage(served: Application, clock: Clock) -> Iterator[Storage]:
    """Nobody is enrolled at the beginning."""
    clock.now = START
    yield served.storage
    served.storage.erase(list(served.people.ids()))
    clock.now = START


@pytest.fixture(scope="module")
def app(served: Application) -> FastAPI:
    return create_app(served)


@pytest.fixture(scope="module")
def keys(served: Application) -> Mapping[Role, str]:
    return keys_in(served.storage)


@pytest.fixture(scope="module")
def ask(app: FastAPI, keys: Mapping[Role, str]) -> Any:
    def asked(method: str, path: str, *, role: Role = Role.ADMIN, key: str = "", **fields: object) -> Answer:
        plain, _, query = path.partition("?")
        headers = [("Host", "localhost"), ("Content-Type", "application/json")]
        headers.append(("Authorization", f"Bearer {key or keys[role]}"))
        return call(with_query(app, query), method, plain, headers, [json.dumps(fields).encode()])

    return asked


def with_query(app: FastAPI, query: str) -> Any:
    async def called(given: Any, receive: Any, send: Any) -> None:
        await app({**given, "query_string": query.encode()}, receive, send)

    return called


def told(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def enrol(storage: Storage, seed: int = 0, **more: Any) -> UUID:
    """Somebody of random numbers, with a label, a reference and an age."""
    user_id, model = uuid4(), "dlib-resnet-v1.five-points.mirror"
    vector = np.random.default_rng(seed).standard_normal(128)
    unit = (vector / np.linalg.norm(vector)).astype(np.float32)
    with storage.begin() as work:
        work.add_person(
            user_id,
            templates=[NewTemplate(unit, model, 0, work.transform())],
            attributes={"age": {"value": 40.0, "low": 36.0, "high": 44.0}},
            metadata={"label": "of-nobody's-business", "reference": f"ref-{seed}"},
            consent=AGREED,
            flagged="flag_reason" in more,
            **more,
        )
        work.references.put(user_id, f"ref-{seed}")
        work.note("enrolled", user_id, photos=1)
        work.commit()
    return user_id


def damage(storage: Storage, user_id: UUID) -> None:
    with storage._data.begin() as connection:
        whose = col(DetailRow.user_id) == user_id, col(DetailRow.kind) == ATTRIBUTES
        assert connection.execute(update(DetailRow).where(*whose).values(sealed=b"\0")).rowcount == 1


def ids(page: Any) -> list[str]:
    return [each["user_id"] for each in page["people"]]


def test_people_come_page_by_page_the_last_enrolled_first(storage: Storage, ask: Any) -> None:
    enrolled = [str(enrol(storage, seed)) for seed in range(5)]
    first, second = told(ask("GET", f"{PEOPLE}?limit=3")), told(ask("GET", f"{PEOPLE}?limit=3&offset=3"))
    assert first["total"] == second["total"] == 5
    assert ids(first) + ids(second) == enrolled[::-1]
    assert told(ask("GET", f"{PEOPLE}?offset=5"))["people"] == []
    assert ask("GET", f"{PEOPLE}?limit=201").code == "invalid_field"


def test_the_flagged_and_the_unreadable_are_found_and_shown(storage: Storage, ask: Any) -> None:
    enrol(storage, 1)
    flagged, broken = enrol(storage, 2, flag_reason="look_alike"), enrol(storage, 3)
    damage(storage, broken)
    (one,) = told(ask("GET", f"{PEOPLE}?which=flagged"))["people"]
    assert (one["user_id"], one["flag_reason"]) == (str(flagged), "look_alike")
    page = told(ask("GET", f"{PEOPLE}?which=unreadable"))
    assert (page["total"], ids(page)) == (1, [str(broken)])
    overview = told(ask("GET", f"{PEOPLE}/{broken}"))
    assert (overview["readable"], overview["passphrase"], overview["attributes"]) == (False, None, None)


def test_nothing_is_told_that_only_they_may_see(storage: Storage, ask: Any) -> None:
    user_id = enrol(storage, 1)
    answers = [ask("GET", PEOPLE), ask("GET", f"{PEOPLE}/{user_id}"), ask("POST", f"{PEOPLE}/find", reference="ref-1")]
    for answer in answers:
        assert str(user_id) in answer.body.decode()
        for private in (b"nobody's-business", b"ref-1", b"vector", b"sealed"):
            assert private not in answer.body
    assert told(answers[1])["attributes"] == {"age": {"value": 40.0, "low": 36.0, "high": 44.0}}
    assert told(answers[1])["uses"] == ["attributes", "login"]


def test_a_reference_finds_its_holder_and_a_tenants_people_are_its_own(
    served: Application, storage: Storage, ask: Any
) -> None:
    user_id, acme = enrol(storage, 7), keys_in(served.storage.of("acme"))[Role.ADMIN]
    assert told(ask("POST", f"{PEOPLE}/find", reference=" ref-7 "))["user_id"] == str(user_id)
    for reference in ("ref-8", "", None):
        assert ask("POST", f"{PEOPLE}/find", reference=reference).code in {"unknown_user", "invalid_field"}
    assert ask("POST", f"{PEOPLE}/find", key=acme, reference="ref-7").code == "unknown_user"
    assert ask("GET", f"{PEOPLE}/{user_id}", key=acme).code == "unknown_user"
    assert told(ask("GET", PEOPLE, key=acme)) == {"total": 0, "people": []}
    assert told(ask("POST", f"{PEOPLE}/erase", key=acme, user_id=str(user_id), preview=True))["people"] == 0
    assert told(ask("POST", f"{PEOPLE}/erase", key=acme, user_id=str(user_id), confirm=0))["erased"] == 0
    assert served.people.count() == 1


def test_a_reference_that_was_moved_in_the_data_file_leads_to_nobody_else(storage: Storage, ask: Any) -> None:
    one, other = enrol(storage, 1), enrol(storage, 2)
    whose = col(PersonRow.user_id)
    with storage._data.begin() as connection:
        moved = connection.scalar(select(col(PersonRow.reference)).where(whose == one))
        connection.execute(update(PersonRow).where(whose == one).values(reference=None))
        connection.execute(update(PersonRow).where(whose == other).values(reference=moved))
    for reference in ("ref-1", "ref-2"):
        assert ask("POST", f"{PEOPLE}/find", reference=reference).code == "unknown_user"


def test_failed_logins_are_shown_until_they_are_forgiven(served: Application, storage: Storage, ask: Any) -> None:
    user_id, lockout = enrol(storage, 1), served.administer.lockout
    for _ in range(lockout.limits.free):
        with storage.begin() as work:
            lockout.failed(work, lockout.attempt(user_id, None))
            work.commit()
    overview = told(ask("GET", f"{PEOPLE}/{user_id}"))
    assert (overview["failures"], overview["wait_seconds"]) == (lockout.limits.free, 30)
    told(ask("POST", "/v1/admin/unlock", user_id=str(user_id)))
    assert told(ask("GET", f"{PEOPLE}/{user_id}"))["failures"] == 0


def test_a_preview_erases_nobody_and_only_the_right_number_does(
    served: Application, storage: Storage, ask: Any, keys: Mapping[Role, str]
) -> None:
    some, nobody = [str(enrol(storage, seed)) for seed in range(4)], str(uuid4())
    chosen = {"user_id": [*some[:3], nobody]}
    preview = told(ask("POST", f"{PEOPLE}/erase", **chosen, preview=True))
    assert (preview["people"], preview["erased"], preview["receipt"]) == (3, 0, None)
    assert (set(preview["user_ids"]), preview["not_found"]) == (set(some[:3]), [nobody])
    wrong = ask("POST", f"{PEOPLE}/erase", **chosen, confirm=4)
    assert (wrong.status, wrong.code) == (409, "not_confirmed")
    assert ask("POST", f"{PEOPLE}/erase", **chosen).code == "invalid_field"
    assert served.people.count() == 4
    done = told(ask("POST", f"{PEOPLE}/erase", **chosen, confirm=3))
    assert (done["erased"], {each["user_id"] for each in done["receipt"]["erased"]}) == (3, set(some[:3]))
    assert ids(told(ask("GET", PEOPLE))) == some[3:]
    entry = told(ask("GET", "/v1/admin/audit?newest=true&limit=1"))["entries"][0]
    assert (entry["kind"], entry["details"]["key"]) == ("erased", keys[Role.ADMIN][:11])


@pytest.mark.parametrize("fields", [{}, {"user_id": []}, {"unseen_days": 0}, {"user_id": "x"}, {"user_id": ""}])
def test_nothing_ever_means_everybody(served: Application, storage: Storage, ask: Any, fields: Any) -> None:
    enrol(storage, 1)
    for more in ({"preview": True}, {"confirm": 1}):
        assert ask("POST", f"{PEOPLE}/erase", **fields, **more).code == "invalid_field"
    both = ask("POST", f"{PEOPLE}/erase", user_id=str(uuid4()), unseen_days=1, confirm=1)
    assert both.code == "invalid_field"
    assert served.people.count() == 1


def test_who_was_not_seen_for_long_is_erased_at_once(storage: Storage, ask: Any, clock: Clock) -> None:
    idle, seen = enrol(storage, 1), enrol(storage, 2)
    clock.advance(days=200)
    newcomer = enrol(storage, 3)
    with storage.begin() as work:
        work.logged_in(seen)
        work.commit()
    preview = told(ask("POST", f"{PEOPLE}/erase", unseen_days=180, preview=True))
    assert preview["user_ids"] == [str(idle)]
    assert told(ask("POST", f"{PEOPLE}/erase", unseen_days=180, confirm=1))["erased"] == 1
    assert ids(told(ask("GET", PEOPLE))) == [str(newcomer), str(seen)]


LOGINS = st.lists(
    st.tuples(
        st.integers(0, 45 * 24),
        st.sampled_from(["accepted", "unknown", "ambiguous", "second_factor"]),
        st.sampled_from(["1:1", "1:N"]),
    ),
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(logins=LOGINS, span=st.sampled_from(Span))
def test_activity_counts_every_entry_of_its_span_once(served: Application, logins: Any, span: Span) -> None:
    clock = Clock()
    tenant = f"t{uuid4().hex[:12]}"
    create(served.storage, tenant)
    own = served.storage.of(tenant)
    own.now = clock
    end = clock.now + timedelta(days=365)
    for hours, outcome, mode in logins:
        clock.now = end - timedelta(hours=hours, minutes=hours % 60)
        with own.begin() as work:
            work.note("login", None, outcome=outcome, mode=mode, frames=hours % 3)
            work.commit()
    clock.now = end
    found = activity(own, span)
    within = [each for each in logins if end - timedelta(hours=each[0], minutes=each[0] % 60) >= found.since]
    assert sum(each.count for each in found.counts) == len(within)
    last = found.since + found.step * found.steps
    assert last - found.step <= end < last
    for each in found.counts:
        assert (each.at - found.since) % found.step == timedelta(0)
        assert found.since <= each.at < last
    told = [(each.outcome, each.mode) for each in found.counts for _ in range(each.count)]
    assert sorted(told) == sorted((outcome, mode) for _, outcome, mode in within)


def test_stats_tell_of_a_span_where_they_are_asked(storage: Storage, ask: Any) -> None:
    before = told(ask("GET", "/v1/admin/stats?span=day"))
    enrol(storage, 1)
    plain, day = told(ask("GET", "/v1/admin/stats")), told(ask("GET", "/v1/admin/stats?span=day"))
    assert plain["activity"] is None
    assert plain["people"] == day["people"] == 1
    step, steps = STEPS[Span.DAY]
    assert (day["activity"]["step_seconds"], day["activity"]["steps"]) == (step.total_seconds(), steps)
    enrolled = [
        sum(each["count"] for each in told["activity"]["counts"] if each["kind"] == "enrolled")
        for told in (before, day)
    ]
    assert enrolled[1] == enrolled[0] + 1
    assert ask("GET", "/v1/admin/stats?span=year").code == "invalid_field"


def test_the_log_is_read_from_its_end_by_kind_and_by_person(storage: Storage, ask: Any) -> None:
    one, other = enrol(storage, 1), enrol(storage, 2)
    newest = told(ask("GET", "/v1/admin/audit?newest=true&limit=2"))["entries"]
    assert [each["kind"] for each in newest] == ["enrolled", "enrolled"]
    assert newest[0]["number"] == newest[1]["number"] + 1
    before = told(ask("GET", f"/v1/admin/audit?newest=true&before={newest[1]['number']}&limit=1000"))["entries"]
    numbers = [each["number"] for each in before]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == storage.audit.length(storage.tenant) - 2
    in_order = told(ask("GET", f"/v1/admin/audit?before={newest[1]['number']}&limit=1000"))["entries"]
    assert in_order == before[::-1]
    for way in ("", "newest=true&"):
        kinds = told(ask("GET", f"/v1/admin/audit?{way}kind=api_key_made"))["entries"]
        assert {each["kind"] for each in kinds} == {"api_key_made"}
        (entry,) = told(ask("GET", f"/v1/admin/audit?{way}user_id={one}"))["entries"]
        assert entry["number"] == newest[1]["number"]
    assert str(other) not in json.dumps(newest)


def test_the_state_of_the_log_shows_what_was_changed(served: Application, storage: Storage, ask: Any) -> None:
    enrol(storage, 1)
    state = told(ask("GET", "/v1/admin/audit/state", role=Role.AUDITOR))
    assert (state["whole"], state["findings"]) == (True, [])
    last = served.storage.audit.length()
    assert state["entries"] == last
    with storage._data.begin() as connection:
        (before,) = connection.execute(text("SELECT details FROM audit WHERE number = :n"), {"n": last}).one()
        change = text("UPDATE audit SET details = :d WHERE number = :n")
        connection.execute(change, {"d": before.replace("1", "2"), "n": last})
    try:
        state = told(ask("GET", "/v1/admin/audit/state"))
        assert (state["whole"], state["findings"]) == (False, [{"fault": "changed", "number": last}])
    finally:
        with storage._data.begin() as connection:
            connection.execute(change, {"d": before, "n": last})
    acme = keys_in(served.storage.of("acme"))[Role.AUDITOR]
    assert ask("GET", "/v1/admin/audit/state", key=acme).code == "role_required"


def test_an_auditor_sees_no_person(ask: Any) -> None:
    for method, path in (
        ("GET", PEOPLE),
        ("GET", f"{PEOPLE}/{uuid4()}"),
        ("POST", f"{PEOPLE}/find"),
        ("POST", f"{PEOPLE}/erase"),
        ("DELETE", f"{PEOPLE}/{uuid4()}/flag"),
        ("GET", "/v1/admin/lookalikes"),
        ("GET", "/v1/admin/settings"),
        ("GET", "/v1/admin/api-keys"),
    ):
        assert ask(method, path, role=Role.AUDITOR).code == "role_required", path
    key = told(ask("GET", "/v1/admin/key", role=Role.AUDITOR))
    assert (key["role"], key["tenant"], key["expires_at"]) == ("auditor", "default", None)


def test_settings_say_where_they_come_from_and_never_a_secret(served: Application, ask: Any) -> None:
    each = {one["name"]: one for one in told(ask("GET", "/v1/admin/settings"))["settings"]}
    assert each["FACEWARDEN_EMBEDDER"] == {
        "name": "FACEWARDEN_EMBEDDER",
        "value": "onnx",
        "source": "environment",
        "meaning": Settings.model_fields["embedder"].description,
    }
    assert each["FACEWARDEN_ATTRIBUTES"]["value"] == []
    assert (each["FACEWARDEN_PORT"]["value"], each["FACEWARDEN_PORT"]["source"]) == (8000, "default")
    assert each["FACEWARDEN_MASTER_KEY"]["value"] == "unset"
    secret = replace(served, settings=Settings(home=served.settings.home, master_key="c2VjcmV0"))
    assert shown(secret.settings)["master_key"].value == "set"


def test_models_carry_what_was_measured(ask: Any) -> None:
    found = told(ask("GET", "/v1/admin/models", role=Role.AUDITOR))
    recognition = found["recognition"]
    assert (recognition["model_id"], recognition["matching"]) == ("dlib-resnet-v1.five-points.mirror", "distance")
    used = [each for each in recognition["rates"] if each["in_use"]]
    assert {(each["enrolled"], each["captures"]) for each in used} == {
        (each["enrolled"], each["captures"]) for each in recognition["rates"]
    }
    assert {each["fmr"] for each in used} == {recognition["fmr"]}
    by_file = {each["file"]: each for each in found["cards"]}
    assert "mean error 3.99 years" in by_file["age_gender.onnx"]["measured"]
    assert by_file["centerface.onnx"]["figures"][0][0] == "search"
    assert len({len(row) for row in by_file["centerface.onnx"]["figures"]}) == 1
    assert by_file["emotion.onnx"]["out_of_scope"].startswith("Inferring what somebody feels")


def test_every_card_says_what_it_is_not_for() -> None:
    for card in cards():
        assert card.out_of_scope
        assert len(card.sha256) == 64
        assert "**" not in card.measured + card.limits + card.out_of_scope


def test_a_flag_is_cleared_once_and_stands_in_the_log(storage: Storage, ask: Any, keys: Mapping[Role, str]) -> None:
    flagged, plain = enrol(storage, 1, flag_reason="look_alike"), enrol(storage, 2)
    acme = keys_in(storage.of("acme"))[Role.ADMIN]
    path, before = f"{PEOPLE}/{flagged}/flag", storage.audit.length()
    assert ask("DELETE", path, role=Role.AUDITOR).code == "role_required"
    assert ask("DELETE", path, key=acme).code == "unknown_user"
    assert ask("DELETE", f"{PEOPLE}/{uuid4()}/flag").code == "unknown_user"
    assert told(ask("GET", f"{PEOPLE}?which=flagged"))["total"] == 1
    for _ in range(2):
        one = told(ask("DELETE", path))
        assert (one["user_id"], one["flagged"], one["flag_reason"]) == (str(flagged), False, None)
    assert not told(ask("DELETE", f"{PEOPLE}/{plain}/flag"))["flagged"]
    assert told(ask("GET", f"{PEOPLE}?which=flagged"))["total"] == 0
    (entry,) = storage.audit.entries(before)
    assert (entry.kind, entry.person) == ("flag_cleared", storage.audit.pseudonym(flagged))
    assert entry.details == {"by": "operator", "reason": "look_alike", "key": keys[Role.ADMIN][:11]}
    with storage.begin() as work:
        work.flag(flagged, "not_compared")
        work.commit()
    assert told(ask("GET", f"{PEOPLE}/{flagged}"))["flag_reason"] == "not_compared"


def test_lookalikes_are_named_without_a_score(storage: Storage, ask: Any) -> None:
    one, twin = enrol(storage, 1), uuid4()
    with storage.begin() as work:
        (template,) = work.templates(one)
        again = NewTemplate(template.vector, template.model_id, 0, template.transform)
        work.add_person(twin, templates=[again], attributes=None, metadata=None, consent=AGREED, flagged=False)
        work.commit()
    enrol(storage, 2)
    answer = ask("GET", "/v1/admin/lookalikes")
    found = told(answer)
    assert (found["people"], found["pair_count"], found["verdict"]) == (3, 1, "mostly")
    (pair,) = found["pairs"]
    assert set(pair["user_ids"]) == {str(one), str(twin)}
    assert pair["verification"]
    assert found["others_comparisons"] == 6
    assert b'"value"' not in answer.body
    assert b"distance" not in answer.body


def lines(app: FastAPI, key: str) -> list[Any]:
    """What comes line by line; who asks stays until the end."""
    headers = {"Accept": "application/x-ndjson", "Authorization": f"Bearer {key}"}

    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client:
            return await client.get("/v1/admin/lookalikes", headers=headers)

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_any_number_is_compared_line_by_line(
    app: FastAPI, storage: Storage, ask: Any, keys: Mapping[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        enrol(storage, seed)
    whole = told(ask("GET", "/v1/admin/lookalikes"))
    monkeypatch.setattr(models, "MOST_COMPARED", 2)
    assert ask("GET", "/v1/admin/lookalikes").code == "too_many_to_compare"
    *shares, last = lines(app, keys[Role.ADMIN])
    assert last == {"result": whole}
    assert all(list(each) == ["progress"] and 0 <= each["progress"] <= 1 for each in shares)


def test_what_ends_a_comparison_is_the_last_line(
    app: FastAPI, keys: Mapping[Role, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> None:
        raise RecordUnreadable(Fault.PAYLOAD)

    monkeypatch.setattr(Examine, "__call__", unreadable)
    last = lines(app, keys[Role.ADMIN])[-1]
    assert last["problem"]["code"] == "record_unreadable"


@given(st.lists(st.floats(0.001, 40), min_size=1, max_size=40), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_percentile_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    ends = [*REQUEST_BUCKETS, math.inf]
    found = percentile([(end, float(sum(value <= end for value in values))) for end in ends], share)
    true = sorted(values)[math.ceil(share * len(values)) - 1]
    number = next(number for number, end in enumerate(ends) if true <= end)
    assert found is not None
    assert (ends[number - 1] if number else 0.0) <= found <= min(ends[number], REQUEST_BUCKETS[-1])
    assert percentile([(1.0, 0.0), (math.inf, 0.0)], share) is None


def test_performance_counts_requests_and_what_they_were_refused_for(served: Application, ask: Any) -> None:
    def counted() -> tuple[int, int]:
        found = told(ask("GET", "/v1/admin/performance", role=Role.AUDITOR))
        (requests,) = [each["requests"] for each in found["latency"] if each["route"] == f"{PEOPLE}/{{user_id}}"] or [0]
        refused = [each["count"] for each in found["refusals"] if each["code"] == "unknown_user"]
        assert all(0 < each["p50_ms"] <= each["p95_ms"] <= each["p99_ms"] for each in found["latency"])
        return requests, sum(refused)

    before = counted()
    nobody = uuid4()
    assert ask("GET", f"{PEOPLE}/{nobody}").status == 404
    assert counted() == (before[0] + 1, before[1] + 1)
    assert str(nobody).encode() not in ask("GET", "/v1/admin/performance").body
    acme = keys_in(served.storage.of("acme"))[Role.ADMIN]
    assert ask("GET", "/v1/admin/performance", key=acme).code == "role_required"


def test_moments_are_told_with_their_zone(storage: Storage, ask: Any) -> None:
    enrol(storage, 1)
    (person,) = told(ask("GET", PEOPLE))["people"]
    assert datetime.fromisoformat(person["enrolled_at"]) == START
