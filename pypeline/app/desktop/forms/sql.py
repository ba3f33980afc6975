"""The editor of a SELECT over a module's inputs."""

from __future__ import annotations

from pypeline.app.desktop.forms.completion import Completion
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.app.desktop.forms.texts import GrowingText, Text


class SqlText(Text):
    """A SELECT over the inputs, with their names and columns to complete. What is wrong with it the
    document's check says: reading SQL takes too long for every key."""

    def __init__(self, shape: Shape, room: Room) -> None:
        super().__init__(shape, room, "sql", GrowingText(4, 24))
        self._room = room
        self.completion = Completion(self.area, self._words)

    def _words(self) -> list[tuple[str, str]]:
        room = self._room
        module = room.module
        named = module.configs.flat().get("tables") if module is not None else None
        feeds = [feed for port in room.input_ports for feed in room.feeds(port)]
        tables = [str(t) for t in named] if isinstance(named, list | tuple) and named else ["input", *(f'"input${n}"' for n in range(2, len(feeds) + 1))]
        columns = [(c.name, c.type) for feed in feeds for c in room.document.knowledge.schemas.get(feed, ())]
        words = [(t, "table") for t in tables] + columns + [(k, "") for k in _SQL_WORDS]
        return [*dict.fromkeys(words), *(("{{" + v + "}}", "variable") for v in room.variable_names())]


_SQL_WORDS = [
    "select",
    "from",
    "where",
    "group",
    "by",
    "order",
    "having",
    "join",
    "left",
    "on",
    "using",
    "as",
    "with",
    "case",
    "when",
    "then",
    "else",
    "end",
    "distinct",
    "limit",
    "union",
    "all",
    "and",
    "or",
    "not",
    "in",
    "is",
    "null",
]
