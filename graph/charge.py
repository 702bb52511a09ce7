"""What a mutation is priced at: its commands, and what is read of what they did."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type
from graphql.execution.values import get_argument_values

from domain.access.viewer import Viewer
from domain.command import COMMANDS, Command
from domain.inputs import parse, snake
from domain.refusals import Refusal
from graph.bind import TYPES
from graph.mutations import is_deletion
from graph.perform import Parsed, collect, merged
from graph.plan import Planner
from graph.price import payload_price
from graph.schema import Schema


def mutation_points(schema: Schema, parsed: Parsed, viewer: Viewer) -> int:
    """The price of a mutation: its commands, and what is read of what they did. Raises ReadRefused."""
    root = schema.core.mutation_type
    assert root is not None
    planner = Planner(schema, parsed.fragments, parsed.variables, viewer)
    points = 0
    for nodes in collect(parsed.operation.selection_set, root.name, parsed).values():
        name = nodes[0].name.value
        if name == "__typename":
            continue
        command = COMMANDS[snake(name)]
        arguments = get_argument_values(root.fields[name], nodes[0], parsed.variables)
        points += command_points(command, arguments["input"])
        payload = get_named_type(root.fields[name].type)
        assert isinstance(payload, GraphQLObjectType)
        for fields in collect(merged(nodes), payload.name, parsed, interface="Payload").values():
            shown = snake(fields[0].name.value)
            kind = (
                "change_set" if shown == "change_set" else command.returns if shown == command.returns else ""
            )
            of = next((t for t in TYPES.values() if t.kind == kind and t.is_node), None)
            if of is not None and not (is_deletion(command) and kind != "change_set"):
                points += payload_price(planner.object(of, merged(fields)))
    return max(1, points)


def command_points(command: Command, given: Any) -> int:
    """The price of one command, by the input as it came; what it will refuse costs as one that is small."""
    if command.weigh is None:
        return command.cost
    try:
        return command.points(parse(command.ask, given))
    except Refusal:
        return command.cost
