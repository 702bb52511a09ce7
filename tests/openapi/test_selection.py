"""What `fields` and `include` select, on a small schema of its own."""

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from openapi.routes import ReadRoute, read_routes, variables
from openapi.selection import Unprintable, select, tree

SDL = """
type Query {
  album(id: ID!): Album
  albums(first: Int, after: String, filter: AlbumFilter, order: Order): AlbumPage!
  search(query: String!, kinds: [Order!], first: Int): HitPage!
  viewer: Viewer!
  node(id: ID!): Album
}
input AlbumFilter { title: TextFilter, year: Int, tags: [String!] }
input TextFilter { equals: String, startsWith: String }
enum Order { NEWEST OLDEST }
type Viewer { name: String! }
type Label { id: ID! name: String parent: Label }
type Track { id: ID! version: Int! position: Int! title: String! label: Label }
type Medium { position: Int! tracks: [Track!]! }
type TrackPage { nodes: [Track!]! pageInfo: PageInfo! }
type AlbumPage { nodes: [Album!]! pageInfo: PageInfo! totalCount: Int! }
type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
type HitPage { nodes: [Hit!]! pageInfo: PageInfo! }
union Hit = Album | Track
type Album {
  id: ID! version: Int! title: String! genres: [String!]! year: Int
  label: Label media: [Medium!]! tracks(first: Int, after: String): TrackPage!
  streamable(territory: String!): Boolean!
}
"""


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema(SDL)


@pytest.fixture(scope="module")
def routes(schema: GraphQLSchema) -> dict[str, ReadRoute]:
    return {route.path: route for route in read_routes(schema)}


def selected(schema: GraphQLSchema, fields: str = "", include: str = "") -> str:
    split = [tree([part for part in text.split(",") if part]) for text in (fields, include)]
    return select(schema.type_map["Album"], *split)


def test_scalars_and_references_come_by_themselves(schema: GraphQLSchema) -> None:
    assert selected(schema) == "id version title genres year label { id name }"


def test_lists_come_by_include(schema: GraphQLSchema) -> None:
    chosen = selected(schema, include="media.tracks")
    assert chosen.endswith("media { position tracks { id version position title label { id name } } }"), (
        chosen
    )


def test_pages_inside_a_thing_say_where_they_end(schema: GraphQLSchema) -> None:
    chosen = selected(schema, fields="title,tracks.title")
    assert chosen.startswith("id version title tracks(first: 100) { items: nodes { id version title } page: ")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("titel", "Album has no field 'titel'; it has genres, id, label"),
        ("label.nme", "Label has no field 'nme'; it has id, name, parent"),
        ("title.text", "'title' has no fields of its own"),
        ("streamable", "'streamable' needs arguments"),
        (".".join(["label", *["parent"] * 9]), "10 steps deep; at most 8"),
        ("__schema", "Album has no field '__schema'"),
        ("title}", "Album has no field 'title}'"),
    ],
)
def test_what_can_not_be_selected_is_named(schema: GraphQLSchema, fields: str, said: str) -> None:
    with pytest.raises(Unprintable) as caught:
        selected(schema, fields)
    assert said in caught.value.text


def test_every_route_is_printed_as_a_valid_document(
    schema: GraphQLSchema, routes: dict[str, ReadRoute]
) -> None:
    assert sorted(routes) == ["/albums", "/albums/{id}", "/albums/{id}/tracks", "/search", "/viewer"]
    for route in routes.values():
        every = frozenset(name for name, _ in route.arguments)
        required = frozenset(parameter.path[0] for parameter in route.parameters if parameter.required)
        for used in (every, required):
            document = route.document((), (), used)
            assert not validate(schema, parse(document)), document


def test_filters_are_query_parameters_under_their_own_names(routes: dict[str, ReadRoute]) -> None:
    names = [parameter.name for parameter in routes["/albums"].parameters]
    assert names == ["first", "after", "title", "title.startsWith", "year", "tags", "order"]
    paths = {parameter.name: parameter.path for parameter in routes["/albums"].parameters}
    assert variables({paths["title"]: "x", paths["year"]: 1999, paths["first"]: 5}) == {
        "filter": {"title": {"equals": "x"}, "year": 1999},
        "first": 5,
    }


def test_one_of_several_types_shows_what_they_have_alike(routes: dict[str, ReadRoute]) -> None:
    document = routes["/search"].document((), (), frozenset({"query"}))
    assert "kind: __typename ... on Album { id version title genres year } ... on Track { id v" in document
