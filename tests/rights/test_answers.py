"""Who is told what about availability, over GraphQL: owners, licensees, strangers, narrow scopes."""

import json

import pytest

from domain.access.viewer import Viewer
from tests.factories import viewer
from tests.rights.conftest import AT, PARTNER, Rights

DEALS = (
    "deal { deal text licensee validFrom } deals { deal } nearest { deal reasons text reference preOrderAt }"
)


async def test_a_deal_for_everyone_allows_everybody(rights: Rights) -> None:
    for of in (rights.owner, rights.partner, rights.stranger):
        answer = await rights.availability("public release", of, fields=DEALS)
        assert answer["allowed"]
        assert answer["deal"]["deal"] == rights.world.id("for everyone")
        assert answer["nearest"] == []


async def test_a_release_s_deal_answers_for_track_and_recording(rights: Rights) -> None:
    for name in ("track", "recording"):
        answer = await rights.availability(name, rights.stranger, fields=DEALS)
        assert answer["deal"]["deal"] == rights.world.id("for everyone")
    for name in ("down release", "down track"):
        answer = await rights.availability(name, rights.owner)
        assert (answer["allowed"], answer["reason"]) == (False, "TAKEN_DOWN")
    assert (await rights.availability("lone recording", rights.owner))["reason"] == "NO_DEAL"
    assert (await rights.availability("podcast", rights.stranger))["allowed"]


async def test_the_licensee_is_whoever_has_proven_the_dpid(rights: Rights) -> None:
    there = f'territory: "FR", at: "{AT}"'
    assert (await rights.availability("licensed release", rights.partner, there))["allowed"]
    assert (await rights.availability("public release", rights.partner, there))["allowed"]
    stranger = await rights.availability("public release", rights.stranger, there, DEALS)
    assert (stranger["allowed"], stranger["reason"]) == (False, "TERRITORY")
    # The stranger learns of the deal for everyone, and of no other.
    assert [one["deal"] for one in stranger["nearest"]] == [rights.world.id("for everyone")]
    # The owner asks for anybody, for an organization, or for a DPID.
    for licensee, allowed in (
        ("", True),
        (', licensee: "PADPIDA2013021901W"', True),
        (f', licensee: "{PARTNER}"', True),
        (', licensee: "PADPIDA2007040502I"', False),
    ):
        answer = await rights.availability("public release", rights.owner, there + licensee, DEALS)
        assert answer["allowed"] is allowed, licensee
    assert answer["nearest"][0]["reasons"] in (["OTHER_LICENSEE"], ["TERRITORY"])
    # A viewer that is no owner is always itself, whomever it names.
    named = await rights.availability("public release", rights.stranger, f'{there}, licensee: "{PARTNER}"')
    assert not named["allowed"]


async def test_a_dpid_that_nobody_holds_grants_nothing_and_only_the_owner_hears_of_it(rights: Rights) -> None:
    ours = await rights.availability("unmatched release", rights.owner, fields=DEALS)
    assert ours["reasons"] == ["LICENSEE_UNMATCHED"]
    assert ours["nearest"][0]["reference"] == "secret"
    for of in (rights.partner, rights.stranger):
        answer = await rights.availability("unmatched release", of, fields=DEALS)
        assert (answer["allowed"], answer["reasons"], answer["nearest"]) == (False, ["NO_DEAL"], [])
        assert "secret" not in json.dumps(answer)


async def test_an_embargo_tells_its_instants(rights: Rights) -> None:
    fields = "isPreOrderable nextChange nearest { reasons validFrom preOrderAt releaseDisplayAt text }"
    answer = await rights.availability("embargoed release", rights.stranger, fields=fields)
    assert (answer["reason"], answer["isPreOrderable"]) == ("NOT_YET", True)
    assert answer["nextChange"] == answer["nearest"][0]["validFrom"] == "2026-04-01T00:00:00+00:00"
    assert answer["nearest"][0]["releaseDisplayAt"] == "2026-02-10T00:00:00+00:00"
    early = 'territory: "DE", at: "2026-01-31T23:59:59Z"'
    assert not (await rights.availability("embargoed release", rights.stranger, early, fields))[
        "isPreOrderable"
    ]


async def test_without_rights_read_there_is_yes_or_no_and_no_deals(rights: Rights) -> None:
    of = rights.without_rights(rights.owner)
    yes = await rights.availability("public release", of, fields=DEALS)
    assert (yes["allowed"], yes["deal"], yes["deals"], yes["nearest"]) == (True, None, [], [])
    no = await rights.availability("unmatched release", of, fields=DEALS)
    assert (no["reason"], no["nearest"]) == ("LICENSEE_UNMATCHED", [])
    ids = {str(rights.world.ids[name]) for name in ("for everyone", "for nobody known")}
    assert not any(id in json.dumps([yes, no]) for id in ids)


async def test_what_may_not_be_seen_is_as_what_is_not_there(rights: Rights) -> None:
    absent = "cmVsZWFzZToBleOgAABwAIAAAAAAAP__"
    for of in (rights.stranger, rights.partner):
        for entity in (rights.world.id("private release"), absent):
            told = await rights.ask(
                f'{{ availability(entity: "{entity}", territory: "DE") {{ allowed }} '
                f'coverage(entity: "{entity}") {{ allowedCount }} }}',
                of,
            )
            assert told == {"data": {"availability": None, "coverage": None}}


async def test_bulk_answers_in_order_with_null_for_what_is_not_there(rights: Rights) -> None:
    names = ("podcast", "private release", "public release", "podcast")
    ids = [rights.world.id(name) for name in names] + ["ZGVhbDoBleOgAABwAIAAAAAAAAEB"]
    document = (
        f'query ($ids: [ID!]!) {{ availabilities(entities: $ids, territory: "DE", at: "{AT}") '
        "{ entity allowed } }"
    )
    told = (await rights.ask(document, rights.stranger, ids=ids))["data"]["availabilities"]
    assert [one and one["entity"] for one in told] == [ids[0], None, ids[2], ids[0], None]
    many = await rights.ask(document, rights.stranger, ids=ids[:1] * 1001)
    assert many["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_coverage_tells_of_every_country_in_one_call(rights: Rights) -> None:
    document = (
        f'{{ coverage(entity: "{rights.world.id("public release")}", useType: "OnDemandStream", at: "{AT}") '
        "{ allowedCount territories { territory allowed deal } groups { territories allowed reason } } }"
    )
    ours = (await rights.ask(document, rights.owner))["data"]["coverage"]
    allowed = [one["territory"] for one in ours["territories"] if one["allowed"]]
    assert (allowed, ours["allowedCount"]) == (["CH", "DE", "FR"], 3)
    assert len(ours["territories"]) == sum(len(group["territories"]) for group in ours["groups"]) == 250
    assert len(ours["groups"]) == 3
    theirs = (await rights.ask(document, rights.stranger))["data"]["coverage"]
    assert theirs["allowedCount"] == 2


@pytest.mark.parametrize(
    "arguments",
    ['territory: "ZZ"', 'territory: "DE", licensee: "x"', 'territory: ""'],
)
async def test_what_can_not_be_asked_is_refused(arguments: str, rights: Rights) -> None:
    entity = rights.world.id("public release")
    told = await rights.ask(
        f'{{ availability(entity: "{entity}", {arguments}) {{ allowed }} }}', rights.owner
    )
    assert told["data"] in (None, {"availability": None})
    assert told["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize("territory", ["de", "276", "2124", "Worldwide", "DDDE"])
async def test_every_code_of_a_territory_is_known(territory: str, rights: Rights) -> None:
    answer = await rights.availability(
        "public release", rights.owner, f'territory: "{territory}", at: "{AT}"'
    )
    assert answer["allowed"] is (territory in ("de", "276", "DDDE"))


async def test_several_questions_take_turns_on_one_connection(rights: Rights) -> None:
    id = rights.world.id("public release")
    one = f'availability(entity: "{id}", territory: "DE", at: "{AT}") {{ allowed }}'
    told = await rights.ask(f"{{ a: {one} b: {one} viewer {{ role }} c: {one} }}", rights.owner)
    assert told["data"]["a"] == told["data"]["b"] == told["data"]["c"] == {"allowed": True}


async def test_who_is_bound_to_territories_has_deals_nowhere_else(rights: Rights) -> None:
    bound: Viewer = viewer(PARTNER)
    bound = type(bound)(**{**bound.__dict__, "territories": ("FR",)})
    for territory, allowed in (("FR", True), ("DE", False)):
        answer = await rights.availability(
            "public release", bound, f'territory: "{territory}", at: "{AT}"', DEALS
        )
        assert answer is not None
        assert answer["allowed"] is allowed
