"""A YAML text as nodes that know which characters they are. What the writer patches.

Unlike libyaml's marks, a node's ``end`` is where its own last character ends: comments and blank
lines behind it belong to nobody. The text has been through the strict reader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from yaml.events import MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent, StreamEndEvent

from pypeline.schema.yamltext import EventParser


@dataclass(slots=True)
class Node:
    """A value in the text. ``column`` is where a block collection's keys or dashes stand."""

    kind: Literal["scalar", "mapping", "list"]
    start: int
    end: int
    column: int
    style: str = ""  # scalars: the quote or block sign; collections: "flow" or "block"
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """A key and its value; ``colon`` is the index behind the ``:``."""

    start: int
    colon: int
    node: Node


def compose(text: str) -> Node | None:
    """The top node of a text without byte order mark; None when it is empty."""
    parser = EventParser(text)
    root: Node | None = None
    stack: list[Node] = []
    key: Any = None
    while True:
        event = parser.get_event()
        kind = event.__class__
        if kind is StreamEndEvent:
            return root
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            node, key = stack.pop(), None
            node.end = event.end_mark.index if node.style == "flow" else _last_end(node)
            continue
        if kind is not ScalarEvent and kind is not MappingStartEvent and kind is not SequenceStartEvent:
            continue
        above = stack[-1] if stack else None
        if above is not None and above.kind == "mapping" and key is None:
            key = event
            continue
        node = _node(text, event, kind)
        if above is None:
            root = node
        elif above.kind == "mapping":
            above.entries[key.value] = Entry(key.start_mark.index, text.index(":", key.end_mark.index) + 1, node)
        else:
            above.items.append(node)
        key = None
        if kind is not ScalarEvent:
            stack.append(node)


def _node(text: str, event: Any, kind: Any) -> Node:
    start, column = event.start_mark.index, event.start_mark.column
    if kind is ScalarEvent:
        end = event.end_mark.index
        if event.style in ("|", ">"):
            end = _without_blank_lines(text, start, end)
        return Node("scalar", start, end, column, event.style or "")
    return Node("mapping" if kind is MappingStartEvent else "list", start, start, column, "flow" if event.flow_style else "block")


def _without_blank_lines(text: str, start: int, end: int) -> int:
    """Where the last filled line of a block scalar ends, with the blanks that it ends in."""
    while True:
        line = max(text.rfind("\n", start, end), start)
        if line == start or text[line:end].strip():
            return end
        end = line - (text[line - 1] == "\r")


def _last_end(node: Node) -> int:
    if node.entries:
        last = next(reversed(node.entries.values()))
        return max(last.node.end, last.colon)
    return max(node.items[-1].end, node.start + 1) if node.items else node.start
