"""What examining the people enrolled gives: their numbers, and the answer to "does it work for my people?"."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from embeddings.operating import Measure, Mode
from evaluation.agreement import Agreement
from evaluation.confusions import Confusions

BEYOND_CHANCE: Final = 3.0
"""Standard deviations from what the published rates let one expect, before a rate counts as another one."""
LEAST_EVENTS: Final = 2
"""Events that say nothing yet: one pair of relatives is accepted in both directions."""


class Verdict(StrEnum):
    """`yes`: as the published rates say, and nobody could be taken for somebody else. `mostly`: the same, with pairs
    to look at. `not_for_everybody`: worse than the published rates. `unknown`: too little to compare."""

    YES = "yes"
    MOSTLY = "mostly"
    NOT_FOR_EVERYBODY = "not_for_everybody"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Nearest:
    """The other person who comes nearest to passing as somebody, and the distance or score between them."""

    user_id: UUID
    value: float = field(repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """One person: how well their captures agree, and who is nearest (None where nobody else is there)."""

    user_id: UUID
    captures: int
    own: Agreement
    nearest: Nearest | None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people who could be taken for each other, the likeliest in `mode`.

    `fmr`: the strictest measured false match rate at which they still are. `by_claim` (1:1) and `by_face_alone` (1:N):
    which logins could confuse them.
    """

    users: tuple[UUID, UUID]
    mode: Mode
    value: float = field(repr=False)
    fmr: float
    by_claim: bool
    by_face_alone: bool


@dataclass(frozen=True, slots=True)
class Examined:
    """`other_model`: people with templates of another model alone, who are not compared.

    `others`: single captures against other people's templates, at the 1:1 points; None with fewer than two people.
    `alone`: the same at the 1:N points; None where 1:N is not answered for so many. `pairs`: at most 10,000.
    """

    model_id: str
    measure: Measure
    fmr: float
    fpir: float
    other_model: int
    members: tuple[Member, ...] = field(repr=False)
    others: Confusions | None = field(repr=False)
    alone: Confusions | None = field(repr=False)
    pairs: tuple[Pair, ...] = field(repr=False)

    @property
    def own(self) -> Agreement:
        """Everybody's captures together, without the values."""
        each = [member.own for member in self.members]
        return Agreement(
            accepted=sum(one.accepted for one in each),
            expected=sum(one.expected for one in each),
            variance=sum(one.variance for one in each),
        )

    @property
    def own_captures(self) -> int:
        """How many captures could be compared with others of the same person."""
        return sum(len(member.own.values) for member in self.members)

    @property
    def recognised_less(self) -> bool:
        """Whether people are refused more often, against their own captures, than chance and the points explain."""
        own = self.own
        return own.accepted < own.expected - BEYOND_CHANCE * math.sqrt(own.variance) - LEAST_EVENTS

    @property
    def confused_more(self) -> bool:
        """Whether people pass as others more often than chance and the points explain."""
        if self.others is None:
            return False
        expected = self.others.expected
        return self.others.accepted > expected + BEYOND_CHANCE * math.sqrt(expected) + LEAST_EVENTS

    @property
    def verdict(self) -> Verdict:
        if self.recognised_less or self.confused_more:
            return Verdict.NOT_FOR_EVERYBODY
        if self.pairs:
            return Verdict.MOSTLY
        return Verdict.YES if self.others is not None and self.own_captures else Verdict.UNKNOWN
