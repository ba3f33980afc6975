"""The strict YAML loader: text in, plain data and the place of every key out, in one pass.

Only a part of YAML is the flow language: mappings, lists and scalars. Anchors, aliases, tags,
merge keys, second documents, doubled keys and keys that are not text are refused with their place;
depth, node and byte limits hold before anything is built, so a hostile file costs nothing. The
events come from libyaml's scanner, the values from :mod:`pypeline.schema.scalars`; PyYAML's own
constructors, and so its YAML 1.1 habits, are never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import AliasEvent, DocumentStartEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent, StreamEndEvent

from pypeline.schema.problems import Path, Place, Problem
from pypeline.schema.scalars import resolve, text_of
from pypeline.schema.yamlerrors import syntax_problem

# with libyaml where PyYAML was built with it; the same events otherwise, slower
EventParser: Any = getattr(yaml.cyaml, "CParser", None) if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a flow file may be. Checked before, not after, the work is done."""

    flow_bytes: int = 64 * 1024 * 1024
    depth: int = 64
    nodes: int = 2_000_000


LIMITS = Limits()


class Spot:
    """Where one value stood: itself, its key (for entries of a mapping), and the spots inside it."""

    __slots__ = ("column", "inner", "key_column", "key_line", "line")

    def __init__(self, line: int, column: int, key_line: int, key_column: int, inner: dict[str, Spot] | list[Spot] | None) -> None:
        self.line = line
        self.column = column
        self.key_line = key_line
        self.key_column = key_column
        self.inner = inner

    def at(self, path: Path) -> Spot | None:
        """The spot of ``path`` below this one, or None when it did not stand in the text."""
        spot: Spot | None = self
        for part in path:
            inner = spot.inner if spot is not None else None
            if isinstance(inner, dict):
                spot = inner.get(part)  # type: ignore[arg-type]
            elif isinstance(inner, list) and isinstance(part, int) and 0 <= part < len(inner):
                spot = inner[part]
            else:
                return None
        return spot

    @property
    def shown(self) -> tuple[int, int]:
        """The place to point at: the value where it begins beside its key, else the key."""
        if self.key_line and (self.line != self.key_line or self.inner is not None):
            return self.key_line, self.key_column
        return self.line, self.column


class SpotPaths(Mapping[Path, tuple[int, int]]):
    """Spots as a mapping path → (line, column); a look-up walks the tree, nothing is copied."""

    __slots__ = ("of_keys", "root")

    def __init__(self, root: Spot, of_keys: bool = False) -> None:
        self.root = root
        self.of_keys = of_keys

    def __getitem__(self, path: Path) -> tuple[int, int]:
        spot = self.root.at(path)
        if spot is None:
            raise KeyError(path)
        return (spot.key_line, spot.key_column) if self.of_keys and spot.key_line else spot.shown

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, Spot]] = [((), self.root)]
        while waiting:
            path, spot = waiting.pop()
            yield path
            if isinstance(spot.inner, dict):
                waiting.extend(((*path, key), below) for key, below in spot.inner.items())
            elif spot.inner is not None:
                waiting.extend(((*path, number), below) for number, below in enumerate(spot.inner))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(slots=True)
class Loaded:
    """What a text holds. ``data`` may be used only when no problem is ``broken``."""

    data: Any = None
    root: Spot = field(default_factory=lambda: Spot(1, 1, 0, 0, None))
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False
    empty: bool = True


class _Open:
    """A collection being filled."""

    __slots__ = ("anchor", "key", "key_column", "key_line", "spots", "values", "waiting")

    def __init__(self, values: Any, spots: Any, anchor: str | None) -> None:
        self.values = values
        self.spots = spots
        self.anchor = anchor
        self.key: str | None = None  # None with ``waiting``: the value of a refused key, dropped
        self.key_line = self.key_column = 0
        self.waiting = False  # a key was read, its value comes next


def load(text: str, file: str = "", limits: Limits = LIMITS) -> Loaded:
    """The plain data and spots of a YAML text without byte order mark. Linear in the text.

    Never raises for what the text holds: problems are in the result. Doubled keys leave the first
    value in place; every other problem makes the result ``broken``.
    """
    return _Loader(text, file, limits).run()


class _Stop(Exception):
    """Reading ends here; the problem has been noted."""


class _Loader:
    def __init__(self, text: str, file: str, limits: Limits) -> None:
        self.text = text
        self.file = file
        self.limits = limits
        self.loaded = Loaded()
        self.stack: list[_Open] = []
        self.nodes = 0
        self.aliases = 0
        self.quoted: Any = None  # the last quoted scalar over several lines: a quote left open ends there

    def problem(self, code: str, message: str, event: Any, mend: str, *, broken: bool = True) -> None:
        place = Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        self.loaded.problems.append(Problem(code, message, place, mend))
        self.loaded.broken = self.loaded.broken or broken

    def run(self) -> Loaded:
        parser = EventParser(self.text)
        try:
            while True:
                event = parser.get_event()
                kind = event.__class__
                if kind is ScalarEvent:
                    self.scalar(event)
                elif kind is MappingStartEvent or kind is SequenceStartEvent:
                    self.open(event, kind is MappingStartEvent)
                elif kind is AliasEvent:
                    self.alias(event)
                elif kind is DocumentStartEvent:
                    if not self.loaded.empty:
                        mend = "Put the second flow into a file of its own."
                        self.problem("PYE112", f"one flow per file; second document at line {event.start_mark.line + 1}", event, mend)
                        raise _Stop
                elif kind is StreamEndEvent:
                    break
                elif self.stack:  # the end of a mapping or list: the only ends inside a document
                    self.stack.pop()
        except _Stop:
            pass
        except yaml.YAMLError as error:
            self.loaded.problems.append(syntax_problem(error, self.text, self.file, self.quoted))
            self.loaded.broken = True
        return self.loaded

    def count(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > self.limits.nodes:
            self.problem("PYE105", f"more than {self.limits.nodes:,} YAML values (limits.nodes)", event, "Split the flow into smaller ones.")
            raise _Stop
        if event.tag is not None:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.problem("PYE114", f"tag `{shown}` is not allowed", event, "Remove the tag; a flow holds text, numbers, lists and mappings only.")
        if event.anchor is not None and not self.aliases:
            self.anchored(event, f"anchor `&{event.anchor}`: anchors and aliases are not supported")

    def anchored(self, event: Any, message: str) -> None:
        self.aliases += 1
        self.problem("PYE115", message, event, "Write the value out where it is used, or use a {{context.…}} variable.")

    def alias(self, event: Any) -> None:
        if any(opened.anchor == event.anchor for opened in self.stack):
            self.loaded.problems = [p for p in self.loaded.problems if p.code != "PYE115"]
            self.anchored(event, f"recursive alias `*{event.anchor}`: anchors and aliases are not supported")
            raise _Stop
        if not self.aliases:
            self.anchored(event, f"alias `*{event.anchor}`: anchors and aliases are not supported")
        self.put(None, event, None)

    def scalar(self, event: Any) -> None:
        self.count(event)
        if event.implicit[0] and not event.style:
            value = resolve(event.value)
        else:
            value = event.value
            if event.start_mark.line != event.end_mark.line:
                self.quoted = event
        opened = self.stack[-1] if self.stack else None
        if opened is None or opened.waiting or opened.values.__class__ is list:
            self.put(value, event, None)
        else:
            self.key(value, event, opened)

    def key(self, value: Any, event: Any, opened: _Open) -> None:
        mark = event.start_mark
        opened.key, opened.waiting = None, True
        if value.__class__ is not str:
            shown = text_of(value) or "null"
            self.problem("PYE111", f"key `{shown}` is not text; keys must be text", event, f'Quote it: "{shown}".')
        elif value == "<<" and not event.style:
            self.problem("PYE116", "merge keys `<<` are not supported", event, "Write the keys out where they are used.")
        elif value in opened.values:
            first = opened.spots[value].key_line
            self.problem("PYE110", f"duplicate key `{value}` (first at line {first})", event, "Remove or rename one of the two.", broken=False)
        else:
            opened.key, opened.key_line, opened.key_column = value, mark.line + 1, mark.column + 1

    def open(self, event: Any, mapping: bool) -> None:
        self.count(event)
        if len(self.stack) >= self.limits.depth:
            mark = event.start_mark
            message = f"nesting deeper than {self.limits.depth} at line {mark.line + 1} col {mark.column + 1}"
            self.problem("PYE106", message, event, "A flow needs a few levels only; check for brackets or dashes typed by mistake.")
            raise _Stop
        opened = self.stack[-1] if self.stack else None
        if opened is not None and not opened.waiting and opened.values.__class__ is dict:
            self.collection_as_key(event)
            raise _Stop
        values: Any = {} if mapping else []
        spots: Any = {} if mapping else []
        self.put(values, event, spots)
        self.stack.append(_Open(values, spots, event.anchor))

    def collection_as_key(self, event: Any) -> None:
        found = "a mapping" if isinstance(event, MappingStartEvent) else "a list"
        start = event.start_mark.index
        mend = "Give the entry a text key."
        if self.text.startswith("{", start) and self.text.startswith("{", start - 1):
            mend = 'A text that begins with {{…}} needs quotes: "{{…}}".'
        self.problem("PYE111", f"{found} stands as a key; keys must be text", event, mend)

    def put(self, value: Any, event: Any, inner: Any) -> None:
        """Store ``value`` where the text has it: in the open list, under the waiting key, or as the whole document."""
        mark = event.start_mark
        if not self.stack:
            self.loaded.data, self.loaded.root = value, Spot(mark.line + 1, mark.column + 1, 0, 0, inner)
            self.loaded.empty = value is None
            return
        opened = self.stack[-1]
        if opened.values.__class__ is list:
            opened.values.append(value)
            opened.spots.append(Spot(mark.line + 1, mark.column + 1, 0, 0, inner))
            return
        opened.waiting = False
        if opened.key is not None:
            opened.values[opened.key] = value
            opened.spots[opened.key] = Spot(mark.line + 1, mark.column + 1, opened.key_line, opened.key_column, inner)
