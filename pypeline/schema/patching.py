"""Span patches: the smallest change of a YAML text that turns one plain value into another.

Works down text nodes, old data and new data together. A changed scalar is replaced where it stands,
in its own quotes; a new entry or item is a line or block of its own behind its neighbour; a removed
one takes its lines, and the comment directly above it, along. Edits are gathered and applied once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pypeline.schema import emit
from pypeline.schema.differences import Step, steps
from pypeline.schema.record import record
from pypeline.schema.scalars import same
from pypeline.schema.spans import Entry, Node


class CannotPatch(Exception):
    """The text is written in a way that span patches do not cover."""


@record
class Seat:
    """Where a value stands: ``after`` is the index behind its ``:`` or dash, ``column`` that of the
    collection around it, which is written in flow style (``flow``) or whose list item it is (``item``)."""

    node: Node
    after: int
    column: int
    flow: bool = False
    item: bool = False


class Patcher:
    """Gathers edits of one text; ``text()`` applies them."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.newline = "\r\n" if "\r\n" in base else "\n"
        self.edits: list[tuple[int, int, str]] = []

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The patched text, or the patched part between two places of the old one."""
        end = len(self.base) if end is None else end
        parts: list[str] = []
        at = start
        # equal places keep the order in which they were asked for; insertions come before what they stand at
        for first, last, text in sorted(self.edits, key=lambda edit: (edit[0], edit[1] > edit[0])):
            if first < start or last > end:
                continue
            if first < at:
                if text:
                    raise CannotPatch
                first, last = at, max(at, last)  # removals of neighbours share the blank lines between them
            parts += (self.base[at:first], text)
            at = last
        text = "".join((*parts, self.base[at:end]))
        # a file without a last line end stays one, whatever was removed from its end
        return text if end < len(self.base) or self.base.endswith("\n") else text.rstrip("\r\n")

    def value(self, seat: Seat, old: Any, new: Any) -> None:
        """Turn the value at ``seat`` from ``old`` to ``new``."""
        node = seat.node
        if same(old, new):
            return
        if node.kind == "mapping" and isinstance(old, Mapping) and isinstance(new, Mapping) and any(key in new for key in node.entries):
            self._mapping(node, old, new)
        elif node.kind == "list" and emit.is_list(old) and emit.is_list(new) and old and new:
            self._list(seat, old, new)
        else:
            self._replace(seat, new)

    # --- whole values ---------------------------------------------------------------------------

    def _replace(self, seat: Seat, new: Any) -> None:
        node, start, end = seat.node, seat.node.start, seat.node.end
        empty = start == end
        lead = " " if empty and self.base[start - 1 : start] not in (" ", "\t", "[", "{") else ""
        if node.kind == "scalar" and not isinstance(new, Mapping) and not emit.is_list(new):
            self.edits.append((start, end, lead + self._scalar(seat, new)))
            return
        tail = emit.inline(new, seat.column + emit.INDENT)
        comment = bool(self.base[end : self._line_end(end)].strip())
        if seat.flow or (comment and not empty):  # the rest of the line stays: the value must end on it
            self.edits.append((start, end, lead + emit.flow(new)))
        elif comment and tail is None:
            self._insert_behind(end, emit.block(new, seat.column + emit.INDENT))
        elif self._line_start(start) > seat.after and node.kind != "scalar":
            self._replace_below(seat, new)
        else:
            begin = end if comment else seat.after
            self.edits.append((begin, end, self.newline.join(self._behind(seat, new, tail))))

    def _behind(self, seat: Seat, new: Any, tail: list[str] | None) -> list[str]:
        """What follows ``key:`` or a dash, and the lines below."""
        if tail is not None:
            return [" " + tail[0], *tail[1:]]
        lines = emit.block(new, seat.column + emit.INDENT)
        if seat.item and isinstance(new, Mapping):
            return [" " + lines[0].lstrip(" "), *lines[1:]]
        return ["", *lines]

    def _replace_below(self, seat: Seat, new: Any) -> None:
        """Replace a block that begins below its key; comments between the two stay."""
        node = seat.node
        if not self._own_line(node.start):
            raise CannotPatch
        begin, stop = self._line_start(node.start), self._line_end(node.end)
        if (isinstance(new, Mapping) or emit.is_list(new)) and new:
            column = node.column if node.column > seat.column or emit.is_list(new) else seat.column + emit.INDENT
            text = self.newline.join(emit.block(new, column))
            self.edits.append((begin, node.end, text))
            return
        self.edits += [(seat.after, seat.after, " " + emit.flow(new)), (begin, stop, "")]

    def _scalar(self, seat: Seat, new: Any) -> str:
        """The new text of a scalar: in the quotes it had, a literal block where it was or must be one."""
        node, indent = seat.node, seat.column
        was_block = node.style in ("|", ">")
        alone = not self.base[node.end : self._line_end(node.end)].strip()
        if isinstance(new, str) and alone and not seat.flow:
            column = self._block_column(node, indent) if was_block else indent + emit.INDENT
            lines = emit.literal(new, column)
            if lines is not None and (column == indent + emit.INDENT or lines[0] in ("|", "|-")):
                return self.newline.join(lines)
        quote = node.style if node.style in ("'", '"') and isinstance(new, str) else ""
        return emit.scalar(new, quote)

    def _block_column(self, node: Node, indent: int) -> int:
        """The column of a literal block's lines, so that an edited line of code is one changed line."""
        for line in self.base[node.start : node.end].splitlines()[1:]:
            if line.strip():
                return len(line) - len(line.lstrip(" "))
        return indent + emit.INDENT

    # --- mappings -------------------------------------------------------------------------------

    def _mapping(self, node: Node, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        gone = [key for key in old if key not in new and key in node.entries]
        come = [key for key in new if key not in node.entries]
        if any(key in old and not same(old[key], new[key]) for key in come):
            raise CannotPatch
        come = [key for key in come if key not in old]
        inside = node.style == "flow"
        for key, value in new.items():
            if key in node.entries and (key not in old or not same(old[key], value)):
                below = Seat(node.entries[key].node, node.entries[key].colon, node.column, flow=inside)
                if key in old:
                    self.value(below, old[key], value)
                else:
                    self._replace(below, value)
            elif key in come and not inside:
                self._add_entry(node, key, new, gone)
        if inside and (gone or come):
            kept = [(entry.start, max(entry.node.end, entry.colon)) for key, entry in node.entries.items() if key not in gone]
            spans = [(entry.start, max(entry.node.end, entry.colon)) for entry in node.entries.values()]
            self._rebuild(node, spans, kept, [f"{emit.scalar(key)}: {emit.flow(new[key])}" for key in come])
        elif not inside:
            for key in gone:
                self._drop_entry(node, key)

    def _add_entry(self, node: Node, key: str, new: Mapping[str, Any], gone: list[str]) -> None:
        """A new block entry behind the nearest entry that stands before it in canonical order."""
        before: Entry | None = None
        for name in new:
            if name == key:
                break
            before = node.entries.get(name, before)
        lines = emit.entry(key, new[key], node.column)
        if before is None:
            first = next(entry for name, entry in node.entries.items() if name not in gone)
            if self._own_line(first.start):
                self._insert(self._line_start(first.start), lines)
                return
            before = first
        if node.column == 0 and self._blank_before_last(node):
            lines = ["", *lines]
        self._insert_behind(max(before.node.end, before.colon), lines)

    def _blank_before_last(self, node: Node) -> bool:
        """Whether sections of this file are parted by blank lines."""
        if len(node.entries) < 2:
            return False
        last = next(reversed(node.entries.values()))
        start = self._line_start(last.start)
        return start > 0 and not self.base[self._line_start(start - 1) : start].strip()

    def _drop_entry(self, node: Node, key: str) -> None:
        entry = node.entries[key]
        names = list(node.entries)
        number = names.index(key)
        if self._own_line(entry.start):
            self._drop_lines(entry.start, max(entry.node.end, entry.colon), first=number == 0)
        elif number + 1 < len(names):
            self.edits.append((entry.start, node.entries[names[number + 1]].start, ""))
        else:
            raise CannotPatch

    # --- lists ----------------------------------------------------------------------------------

    def _list(self, seat: Seat, old: Any, new: Any) -> None:
        node = seat.node
        if len(node.items) != len(old):
            raise CannotPatch
        course = steps(old, new)
        if not any(step.kind in ("keep", "change") for step in course):
            self._replace(seat, new)  # nothing stayed to stand beside
            return
        if node.style == "flow":
            self._flow_list(node, course, old, new)
            return
        spaced = len(node.items) > 1 and self._blank_above(node, 1)
        last: int | None = None  # the end of the last text item that stays
        waiting: list[list[str]] = []  # new items before the first that stays
        for step in course:
            if step.kind in ("keep", "change"):
                item = node.items[step.old]
                if waiting:
                    self._insert(self._line_start(self._dash(node, step.old)), [line for lines in waiting for line in lines])
                    waiting = []
                self.value(Seat(item, self._dash(node, step.old) + 1, node.column, item=True), old[step.old], new[step.new])
                last = max(item.end, self._dash(node, step.old) + 1)
            elif step.kind == "drop":
                self._drop_lines(self._dash(node, step.old), node.items[step.old].end, first=step.old == 0)
            else:
                lines = self._item_lines(node, step, old, new)
                if last is None:
                    waiting.append([*lines, ""] if spaced else lines)
                else:
                    self._insert_behind(last, ["", *lines] if spaced else lines)

    def _item_lines(self, node: Node, step: Step, old: Any, new: Any) -> list[str]:
        """A new item's lines; a moved one brings its own text."""
        if step.kind == "move" and same(old[step.old], new[step.new]):
            item = node.items[step.old]
            return self.base[self._line_start(self._dash(node, step.old)) : item.end].splitlines()
        return emit.item(new[step.new], node.column)

    def _flow_list(self, node: Node, course: list[Step], old: Any, new: Any) -> None:
        for step in course:
            if step.kind in ("keep", "change"):
                self.value(Seat(node.items[step.old], node.items[step.old].start, node.column, flow=True), old[step.old], new[step.new])
        if all(step.kind in ("keep", "change") for step in course):
            return
        parts = [
            self.text(node.items[step.old].start, node.items[step.old].end) if step.kind in ("keep", "change") else emit.flow(new[step.new])
            for step in course
            if step.kind != "drop"
        ]
        self._settle(node)
        self.edits.append((node.start, node.end, "[" + ", ".join(parts) + "]"))

    def _rebuild(self, node: Node, spans: list[tuple[int, int]], kept: list[tuple[int, int]], added: list[str]) -> None:
        """A flow mapping anew: kept entries with what stood before them, then the new ones."""
        text = ""
        for number, (start, end) in enumerate(spans):
            if (start, end) in kept:
                lead = self.base[spans[number - 1][1] : start] if number and text else self.base[node.start + 1 : spans[0][0]] if not text else ""
                text += lead + self.text(start, end)
        tail = self.base[spans[-1][1] : node.end - 1] if spans else ""
        joined = ", ".join([text, *added]) if text.strip() else ", ".join(added)
        self._settle(node)
        self.edits.append((node.start, node.end, "{" + joined + tail.rstrip(", ") + "}"))

    def _settle(self, node: Node) -> None:
        """Take back the edits inside ``node``: its new text holds them already."""
        self.edits = [edit for edit in self.edits if not (node.start <= edit[0] and edit[1] <= node.end)]

    # --- lines ----------------------------------------------------------------------------------

    def _dash(self, node: Node, number: int) -> int:
        """The index of the dash of a block list's item."""
        at = self._line_start(node.items[number].start)
        while True:
            dash = at + node.column
            if self.base[dash : dash + 1] == "-" and not self.base[at:dash].strip(" "):
                return dash
            if at <= node.start:
                raise CannotPatch  # a list that begins on another dash's line
            at = self._line_start(at - 1)

    def _insert(self, at: int, lines: list[str]) -> None:
        self.edits.append((at, at, "".join(line + self.newline for line in lines)))

    def _insert_behind(self, end: int, lines: list[str]) -> None:
        """Lines below the line that holds ``end``; a file without a last line end stays one."""
        at = self._line_end(end)
        if at < len(self.base) or self.base.endswith(("\n", "\r")):
            self._insert(at, lines)
        else:
            self.edits.append((at, at, "".join(self.newline + line for line in lines)))

    def _drop_lines(self, start: int, end: int, first: bool) -> None:
        """Remove whole lines, with the comments directly above; those above a first item head the list and stay."""
        begin, stop = self._line_start(start), self._line_end(end)
        column = start - begin
        while not first and begin > 0:
            above = self._line_start(begin - 1)
            line = self.base[above:begin]
            if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) != column:
                break
            begin = above
        blank_above = begin > 0 and not self.base[self._line_start(begin - 1) : begin].strip()
        below = self._line_end(stop)
        if blank_above and stop < len(self.base) and not self.base[stop:below].strip():
            stop = below
        self.edits.append((begin, stop, ""))

    def _blank_above(self, node: Node, number: int) -> bool:
        start = self._line_start(self._dash(node, number))
        return start > 0 and not self.base[self._line_start(start - 1) : start].strip()

    def _own_line(self, index: int) -> bool:
        return not self.base[self._line_start(index) : index].strip()

    def _line_start(self, index: int) -> int:
        return self.base.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        found = self.base.find("\n", index)
        return len(self.base) if found < 0 else found + 1
