"""What happened: counted over time, read in the log, timed."""

import json
import math
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.api_keys import Role
from db.storage import Storage
from service.bootstrap import Application
from service.metrics import REQUEST_BUCKETS
from service.percentiles import percentile
from service.workflows.activity import STEPS, Span, activity
from service.workflows.tenancy import create
from tests.db.people import Clock
from tests.service.api_keys import keys_in
from tests.service.oversight.desk import PEOPLE, enrol, told

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
