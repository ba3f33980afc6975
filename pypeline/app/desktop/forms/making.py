"""From a shape to its editor."""

from __future__ import annotations

from pypeline.app.desktop.forms.choices import Check, Choice, ColumnLine
from pypeline.app.desktop.forms.column_list import ColumnList
from pypeline.app.desktop.forms.editor import Editor
from pypeline.app.desktop.forms.expression import ExpressionText
from pypeline.app.desktop.forms.grid import Grid
from pypeline.app.desktop.forms.lines import Line, Number, PathLine, Secret
from pypeline.app.desktop.forms.listings import ListRows, MappingRows, TypeRows
from pypeline.app.desktop.forms.objects import Object, Pair
from pypeline.app.desktop.forms.room import Room
from pypeline.app.desktop.forms.shapes import Shape
from pypeline.app.desktop.forms.sql import SqlText
from pypeline.app.desktop.forms.texts import Text, YamlText


def make(shape: Shape, room: Room) -> Editor:
    """The editor for values of ``shape``."""
    match shape.kind:
        case "multiline":
            return Text(shape, room)
        case "code":
            return Text(shape, room, "python")
        case "sql":
            return SqlText(shape, room)
        case "expression" | "aggregate":
            return ExpressionText(shape, room)
        case "path":
            return PathLine(shape, room)
        case "secret":
            return Secret(shape, room)
        case "check":
            return Check(shape, room)
        case "whole" | "number":
            return Number(shape, room)
        case "choice":
            return Choice(shape, room)
        case "column":
            return ColumnLine(shape, room)
        case "columns":
            return ColumnList(shape, room)
        case "types":
            return TypeRows(shape, room, inside)
        case "mapping":
            return MappingRows(shape, room, inside)
        case "list":
            return ListRows(shape, room, inside)
        case "object":
            return Object(shape, room, inside)
        case "grid":
            return Grid(shape, room)
        case "pair":
            return Pair(shape, room)
        case "yaml":
            return YamlText(shape, room)
        case _:
            return ColumnLine(shape, room, types=True) if shape.mode == "type" else Line(shape, room)


def inside(shape: Shape, room: Room) -> Editor:
    """The same inside a row, where there is little room."""
    if shape.kind in {"expression", "aggregate"}:
        return ExpressionText(shape, room, most=6, quiet=True)
    if shape.kind == "yaml":
        return YamlText(shape, room, one_line=True)
    return make(shape, room)
