"""What the schema says of its fields, arguments and values: all of them, and nothing of what is not there."""

from collections.abc import Iterator

import pytest
from graphql import GraphQLSchema, is_introspection_type

from domain.access.scopes import Scope
from domain.features.ask import MOST_RECORDINGS
from domain.features.known import FIGURES, LONGEST_TEXT
from domain.models import policy, report
from domain.vectors import mixing
from domain.vectors.tables import SOUND_DIMENSIONS
from domain.vectors.text import LONGEST_CONTENT
from graph.schema import graphql_schema, schema
from graph.words import ROOMS, WORDS, keys_of


def members(schema: GraphQLSchema) -> Iterator[tuple[str, str, str | None]]:
    """Type, member and description of every type, field, argument and enum value."""
    for name, type_ in schema.type_map.items():
        if is_introspection_type(type_):
            continue
        yield name, "", type_.description
        for member, field in getattr(type_, "fields", {}).items():
            yield name, member, field.description
            for argument, given in getattr(field, "args", {}).items():
                yield name, f"{member}({argument})", given.description
        for member, value in getattr(type_, "values", {}).items():
            yield name, member, value.description


@pytest.fixture(scope="module")
def said() -> dict[tuple[str, str], str | None]:
    return {(name, member): about for name, member, about in members(graphql_schema())}


def test_every_field_argument_and_value_says_what_its_name_does_not(
    said: dict[tuple[str, str], str | None],
) -> None:
    silent = [f"{name}.{member}" for (name, member), about in said.items() if _is_silent(about)]
    assert not silent, f"graph/words says nothing of {len(silent)}, such as {silent[:20]}"


def _is_silent(about: str | None) -> bool:
    return not about or about.startswith("Needs the scope")


def test_descriptions_are_short_sentences(said: dict[tuple[str, str], str | None]) -> None:
    for (name, member), about in said.items():
        if about and member:
            assert about == " ".join(about.split()), f"{name}.{member} has stray spaces"
            assert about.endswith((".", "…")), f"{name}.{member} ends without a full stop: {about}"
            assert len(about) <= 420, f"{name}.{member} is told at length: {len(about)} characters"


def test_words_are_said_of_something_that_is_there(said: dict[tuple[str, str], str | None]) -> None:
    used = set()
    for (name, member), about in said.items():
        key = next((key for key in keys_of(name, member) if key in WORDS), None)
        if key is not None and (about or "").startswith(WORDS[key]):
            used.add(key)
    assert not (left := set(WORDS) - used), f"nothing has these words: {sorted(left)}"


def test_a_field_names_every_scope_beyond_that_of_its_type(said: dict[tuple[str, str], str | None]) -> None:
    whole = schema()
    for name, fields in whole.needed.items():
        own = whole.types[name].scope if name in whole.types else None
        for field, needed in fields.items():
            for scope in needed:
                if isinstance(scope, Scope) and scope is not own:
                    assert scope in (said[name, field] or ""), f"{name}.{field} does not say: {scope}"


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        ("*.mixableNext", (mixing.KEY_WEIGHT, mixing.TEMPO_WEIGHT, mixing.SOUND_WEIGHT)),
        ("SimilarRecording.similarity", (mixing.KEY_WEIGHT, mixing.TEMPO_WEIGHT, mixing.SOUND_WEIGHT)),
        ("SimilarRecording.key", tuple(mixing.KEY_PARTS.values())),
        ("SimilarFilter.tempoWithin", (mixing.MOST_PERCENT, mixing.WITHIN_PERCENT)),
        ("Similar.dimensions", (SOUND_DIMENSIONS,)),
        ("GenerateEmbeddingInput.content", (LONGEST_CONTENT,)),
        ("EnrichCatalogInput.recordingIds", (MOST_RECORDINGS,)),
        ("CorrectFeatureInput.text", (LONGEST_TEXT,)),
        ("CorrectFeatureInput.number", (FIGURES["tempo_bpm"].high, FIGURES["loudness_lufs"].low)),
        ("DecideModelsPayload.verdict", (policy.PAIRS,)),
        ("ModelReport.unsure", (report.UNSURE,)),
        ("Query.modelReport(days)", (report.LONGEST_DAYS,)),
    ],
)
def test_numbers_in_words_are_those_of_the_code(key: str, numbers: tuple[float, ...]) -> None:
    for number in numbers:
        # Ten thousand is written 10,000, and seven tenths 0.7.
        assert f"{number:,}".removesuffix(".0") in WORDS[key], f"{key} does not say {number:g}"


def test_nothing_is_said_twice() -> None:
    assert sum(len(room.WORDS) for room in ROOMS) == len(WORDS)
