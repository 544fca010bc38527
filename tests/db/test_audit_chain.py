"""The chain by itself: whole logs hold, and every way to tamper with one shows."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.audit_chain import START, Break, Entry, Finding, Head, breaks, canonical, code_of, pseudonym

KEYS = {0: bytes(32), 1: bytes(range(32))}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def log(length: int, changes_at: int = 3) -> list[Entry]:
    """From entry `changes_at` on the key is that of the next generation."""
    entries: list[Entry] = []
    before = START
    for number in range(1, length + 1):
        generation = int(number >= changes_at)
        open_entry = Entry(
            number, NOON + timedelta(seconds=number), "login", f"{number:032x}", {"n": number}, generation, b""
        )
        before = code_of(KEYS[generation], before, open_entry)
        entries.append(replace(open_entry, code=before))
    return entries


def head(entries: Sequence[Entry]) -> Head:
    return Head(entries[-1].number, entries[-1].code) if entries else Head()


def found(entries: Sequence[Entry], known: Head) -> list[Finding]:
    return list(breaks(entries, known, KEYS.__getitem__))


@given(st.integers(0, 12), st.integers(1, 12))
def test_a_whole_log_holds_across_a_change_of_key_and_ahead_of_its_head(length: int, known: int) -> None:
    entries = log(length)
    assert found(entries, head(entries[:known])) == []


@given(st.data())
def test_an_entry_that_was_changed_shows(data: st.DataObject) -> None:
    entries = log(6)
    index = data.draw(st.integers(0, 5))
    changed: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"kind": "enrolment"},
                {"person": None},
                {"details": {"n": -1}},
                {"at": NOON},
                {"generation": 1 - entries[index].generation},
                {"generation": 7},
                {"code": bytes(32)},
            ]
        )
    )
    known = head(entries)
    entries[index] = replace(entries[index], **changed)
    assert Finding(Break.CHANGED, index + 1) in found(entries, known)


@given(st.integers(0, 4))
def test_an_entry_that_was_taken_out_shows(index: int) -> None:
    entries = log(6)
    known = head(entries)
    del entries[index]
    assert found(entries, known)[0] == Finding(Break.MISSING, index + 2)


@given(st.integers(1, 6))
def test_an_end_that_was_cut_off_shows(kept: int) -> None:
    entries = log(6)
    assert found(entries[: kept - 1], head(entries)) == [Finding(Break.CUT, kept - 1)]


@given(st.permutations(range(5)))
def test_entries_that_change_places_show(order: list[int]) -> None:
    entries = log(5)
    moved = [replace(entries[index], number=place + 1) for place, index in enumerate(order)]
    assert bool(found(moved, head(entries))) is (order != sorted(order))


def test_numbers_that_were_given_anew_after_a_removal_show() -> None:
    entries = log(5)
    closed = [replace(entry, number=number) for number, entry in enumerate(entries[:2] + entries[3:], start=1)]
    assert {finding.fault for finding in found(closed, head(entries))} == {Break.CHANGED, Break.CUT}


def test_a_log_written_anew_by_somebody_without_the_key_shows() -> None:
    forged = list(breaks(log(4), head(log(4)), lambda _: os.urandom(32)))
    assert [finding.number for finding in forged] == [1, 2, 3, 4]


def test_a_pseudonym_is_steady_and_keyed() -> None:
    one, other = UUID(int=1), UUID(int=2)
    assert pseudonym(KEYS[0], one) == pseudonym(KEYS[0], one) != pseudonym(KEYS[1], one)
    assert pseudonym(KEYS[0], one) != pseudonym(KEYS[0], other)
    assert len(pseudonym(KEYS[0], one)) == 32


def test_details_have_one_form_only() -> None:
    assert canonical({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"a": float("nan")})
