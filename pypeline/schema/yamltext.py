"""The strict YAML loader: text in, plain data and the place of every key out, in one pass.

Only a part of YAML is the flow language: mappings, lists and scalars. Anchors, aliases, tags,
merge keys, second documents, doubled keys and keys that are not text are refused with their place;
depth, node and byte limits hold before anything is built, so a hostile file costs nothing. The
events come from libyaml's scanner, the values from :mod:`pypeline.schema.scalars`; PyYAML's own
constructors, and so its YAML 1.1 habits, are never used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import AliasEvent, DocumentStartEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent, StreamEndEvent

from pypeline.schema.problems import Place, Problem
from pypeline.schema.record import record
from pypeline.schema.scalars import resolve, text_of
from pypeline.schema.spots import Spot
from pypeline.schema.yamlerrors import syntax_problem

# with libyaml where PyYAML was built with it; the same events otherwise, slower
EventParser: Any = getattr(yaml.cyaml, "CParser", None) if yaml.__with_libyaml__ else yaml.SafeLoader


@record
class Limits:
    """How large a flow file may be. Checked before, not after, the work is done."""

    flow_bytes: int = 64 * 1024 * 1024
    depth: int = 64
    nodes: int = 2_000_000


LIMITS = Limits()
# every value stands behind one of these; two may share one, as an entry without a value does
_BEFORE_VALUES = "\n\r,:[{-?"


@dataclass(slots=True)
class Loaded:
    """What a text holds. ``data`` may be used only when no problem is ``broken``."""

    data: Any = None
    root: Spot = field(default_factory=lambda: Spot(1, 1, 0, 0, None))
    problems: list[Problem] = field(default_factory=list)
    broken: bool = False


class _Open:
    """A collection being filled."""

    __slots__ = ("anchor", "is_list", "key", "key_column", "key_line", "spots", "values", "waiting")

    def __init__(self, values: Any, spots: Any, anchor: str | None) -> None:
        self.values = values
        self.is_list = values.__class__ is list
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
        self.aliases = 0
        self.quoted: Any = None  # the last quoted scalar over several lines: a quote left open ends there

    def problem(self, code: str, message: str, event: Any, mend: str, *, broken: bool = True) -> None:
        place = Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        self.loaded.problems.append(Problem(code, message, place, mend))
        self.loaded.broken = self.loaded.broken or broken

    def run(self) -> Loaded:
        if 2 * sum(self.text.count(sign) for sign in _BEFORE_VALUES) + 2 > self.limits.nodes:
            self.count_first()
        if self.loaded.broken:
            return self.loaded
        try:
            self.events(EventParser(self.text).get_event)
        except _Stop:
            pass
        except yaml.YAMLError as error:
            self.loaded.problems.append(syntax_problem(error, self.text, self.file, self.quoted))
            self.loaded.broken = True
        return self.loaded

    def count_first(self) -> None:
        """Refuse a text with too many values before anything of it is built."""
        following = EventParser(self.text).get_event
        nodes = depth = 0
        limit, deepest = self.limits.nodes, self.limits.depth
        try:
            while nodes <= limit and depth <= deepest:
                event = following()
                kind = event.__class__
                if kind is ScalarEvent:
                    nodes += 1
                elif kind is MappingStartEvent or kind is SequenceStartEvent:
                    nodes += 1
                    depth += 1
                elif kind is MappingEndEvent or kind is SequenceEndEvent:
                    depth -= 1
                elif kind is StreamEndEvent:
                    return
        except yaml.YAMLError:
            return  # said with its place when the text is read
        if nodes > limit:
            self.problem("PYE105", f"more than {limit:,} YAML values (limits.nodes)", event, "Split the flow into smaller ones.")

    def events(self, following: Callable[[], Any]) -> None:
        """Take the events one by one."""
        documents = 0
        stack = self.stack
        while True:
            event = following()
            kind = event.__class__
            if kind is ScalarEvent:
                self.scalar(event)
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                self.open(event, kind is MappingStartEvent)
            elif kind is AliasEvent:
                self.alias(event)
            elif kind is DocumentStartEvent:
                documents += 1
                if documents > 1:
                    mend = "Put the second flow into a file of its own."
                    self.problem("PYE112", f"one flow per file; second document at line {event.start_mark.line + 1}", event, mend)
                    raise _Stop
            elif kind is StreamEndEvent:
                return
            elif stack:  # the end of a mapping or list: the only ends inside a document
                stack.pop()

    def refuse_marks(self, event: Any) -> None:
        """Note the tag and the anchor that a value carries."""
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
        if event.tag is not None or event.anchor is not None:
            self.refuse_marks(event)
        mark = event.start_mark
        if event.implicit[0] and not event.style:
            value = resolve(event.value)
        else:
            value = event.value
            if mark.line != event.end_mark.line:
                self.quoted = event
        opened = self.stack[-1] if self.stack else None
        if opened is None:
            self.put(value, event, None)
        elif opened.is_list:
            opened.values.append(value)
            opened.spots.append(Spot(mark.line + 1, mark.column + 1, 0, 0, None))
        elif opened.waiting:
            opened.waiting = False
            key = opened.key
            if key is not None:
                opened.values[key] = value
                opened.spots[key] = Spot(mark.line + 1, mark.column + 1, opened.key_line, opened.key_column, None)
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
        self.refuse_marks(event)
        if len(self.stack) >= self.limits.depth:
            mark = event.start_mark
            message = f"nesting deeper than {self.limits.depth} at line {mark.line + 1} col {mark.column + 1}"
            self.problem("PYE106", message, event, "A flow needs a few levels only; check for brackets or dashes typed by mistake.")
            raise _Stop
        opened = self.stack[-1] if self.stack else None
        if opened is not None and not opened.waiting and not opened.is_list:
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
            return
        opened = self.stack[-1]
        if opened.is_list:
            opened.values.append(value)
            opened.spots.append(Spot(mark.line + 1, mark.column + 1, 0, 0, inner))
            return
        opened.waiting = False
        if opened.key is not None:
            opened.values[opened.key] = value
            opened.spots[opened.key] = Spot(mark.line + 1, mark.column + 1, opened.key_line, opened.key_column, inner)
