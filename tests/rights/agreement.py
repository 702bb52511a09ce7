"""Asks the product and the reference the same, and tells where they differ."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from domain.access.viewer import Viewer
from domain.rights.availability import Availability, Question, cover, decide
from domain.rights.candidates import NOBODY, Found, Licensee, candidates
from domain.rights.territory import WORLD, countries_of
from tests.rights.reference import ALL_MODELS, ALL_USES, Ask, Rows
from tests.rights.worlds import ASKED, GROUPS, World

TICK = timedelta(microseconds=1)


@dataclass
class Tally:
    """How many questions were asked, how many were answered yes, and where the answers differed."""

    asked: int = 0
    yes: int = 0
    differ: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count another's as well."""
        self.asked, self.yes = self.asked + other.asked, self.yes + other.yes
        self.differ += other.differ


def questions(world: World, count: int) -> list[Question]:
    """Questions about single countries and some about groups, some of them open."""
    made = []
    for place in range(count):
        territory = world.chance.choice(GROUPS if place % 8 == 7 else ASKED)
        made.append(
            Question(
                tuple(sorted(countries_of(territory))),
                world.instant(),
                None if world.chance.random() < 0.1 else world.chance.choice(ALL_USES),
                None if world.chance.random() < 0.3 else world.chance.choice(ALL_MODELS),
            )
        )
    return made


def licensee_of(world: World, viewer: Viewer, owner: uuid.UUID, named: Licensee | None) -> uuid.UUID | None:
    """For whom is asked, as the reference has it."""
    if viewer.organization_id != owner:
        return viewer.organization_id
    if named is None:
        return None
    if named.dpid is not None:
        return world.rows.proven.get(named.dpid, NOBODY)
    return named.organization_id


def expected(rows: Rows, entity: uuid.UUID, question: Question, licensee: uuid.UUID | None) -> bool:
    """The reference's answer: every country alone."""
    return all(
        rows.allowed(
            entity, Ask(country, question.at, question.use_type, question.commercial_model, licensee)
        )
        for country in question.countries
    )


async def compare(
    world: World, sql: Any, viewer: Viewer, question: Question, named: Licensee | None, some: Sequence[Any]
) -> Tally:
    """One statement for all of the entities, and the reference for each."""
    tally = Tally()
    for (kind, id), found in zip(
        some, await candidates(sql, viewer, some, question.countries, named), strict=True
    ):
        row = world.rows.entities[id]
        if found is None:
            if row["status"] != "deleted":
                tally.differ.append(f"{kind} {id} was not found")
            continue
        licensee = licensee_of(world, viewer, row["owner_id"], named)
        answer = decide(question, found.case)
        right = expected(world.rows, id, question, licensee)
        tally.asked += 1
        tally.yes += right
        if answer.allowed != right:
            tally.differ.append(f"{kind} {id} {question} for {licensee}: {answer} but {right}")
        elif tally.asked % 10 == 0:
            tally.differ += spans(world.rows, id, question, licensee, found)
        if answer.allowed:
            tally.differ += reasons_hold(question, found, answer)
    return tally


def reasons_hold(question: Question, found: Found, answer: Availability) -> list[str]:
    """Where a yes does not follow from its deciding deals alone, or falls with any other deal."""
    case = found.case
    wrong = []
    if not decide(question, replace(case, deals=answer.deciding)).allowed:
        wrong.append(f"{found.id} {question}: {answer.deciding} alone does not allow it")
    for deal in case.deals:
        rest = tuple(other for other in case.deals if other is not deal)
        if deal not in answer.deciding and not decide(question, replace(case, deals=rest)).allowed:
            wrong.append(f"{found.id} {question}: not allowed without {deal}, which does not decide")
    return wrong


async def compare_coverage(
    world: World, sql: Any, viewer: Viewer, question: Question, named: Licensee | None, some: Sequence[Any]
) -> Tally:
    """Every country at once, against the reference for each of some of them."""
    tally = Tally()
    wide = replace(question, countries=(*WORLD, "ES-CN"))
    for (_, id), found in zip(some, await candidates(sql, viewer, some, wide.countries, named), strict=True):
        if found is None:
            continue
        licensee = licensee_of(world, viewer, world.rows.entities[id]["owner_id"], named)
        groups = cover(wide, found.case)
        told = {country: answer for countries, answer in groups.items() for country in countries}
        if sorted(told) != sorted(wide.countries):
            tally.differ.append(f"{id} is not covered by {sorted(told)}")
        for country in ASKED:
            alone = replace(question, countries=(country,))
            right = expected(world.rows, id, alone, licensee)
            tally.asked, tally.yes = tally.asked + 1, tally.yes + right
            if told[country].allowed != right:
                tally.differ.append(f"{id} {alone} for {licensee}: {told[country]} but {right}")
    return tally


def spans(
    rows: Rows, entity: uuid.UUID, question: Question, licensee: uuid.UUID | None, found: Found
) -> list[str]:
    """Where since, until and the next change are not what the reference says just before and after them."""
    answer = decide(question, found.case)

    def right(at: Any) -> bool:
        asked = Question(question.countries, at, question.use_type, question.commercial_model)
        return expected(rows, entity, asked, licensee)

    wrong = []
    if answer.allowed:
        if answer.since and (not right(answer.since) or right(answer.since - TICK)):
            wrong.append(f"since {answer.since}")
        if answer.until and (not right(answer.until - TICK) or right(answer.until)):
            wrong.append(f"until {answer.until}")
        if answer.next_change != answer.until:
            wrong.append(f"next change {answer.next_change}, until {answer.until}")
    elif answer.next_change and (right(answer.next_change - TICK) or not right(answer.next_change)):
        wrong.append(f"next change {answer.next_change}")
    edges = {e for d in found.case.deals for e in (d.valid_from, d.valid_until) if e and e > question.at}
    for edge in sorted(edges):
        if answer.next_change is not None and edge >= answer.next_change:
            break
        if right(edge) != answer.allowed:
            wrong.append(f"changes at {edge}, before {answer.next_change}")
    return [f"{entity} {question}: {text}" for text in wrong]
