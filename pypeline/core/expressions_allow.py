"""The last gate of an expression: an allow-list of syntax tree nodes, their parts, and functions.

A node type or a part of a node that is not listed here is refused, so nothing sqlglot learns to
parse in future can slip through. Knows no columns and no values.
"""

from __future__ import annotations

import re
from typing import Any

from pypeline.core.expressions_lex import STATEMENTS, ExpressionError, changing, not_available, refused
from pypeline.core.functions import CHANGING, FUNCTIONS, WINDOW_ONLY, words
from pypeline.core.variables import Reference
from pypeline.schema.problems import did_you_mean

LONGEST_CHAIN = 400
"""Operators that may follow one another, as in `a or b or c …`."""


def place(node: Any) -> int:
    """Where in the text ``node`` starts (its first part that remembers)."""
    return min((n.meta["start"] for n in node.walk() if "start" in n.meta), default=0)


_PLAIN = words(
    "And Or Not EQ NEQ GT GTE LT LTE Add Sub Mul Div IntDiv Mod Pow Neg Is NullSafeEQ NullSafeNEQ In Between Like ILike Escape Case If Cast TryCast "
    "DataType DataTypeParam Literal Boolean Null Column Identifier Paren DPipe Extract Var Interval Anonymous"
)
_IN_AGGREGATES = words("Star Distinct Order Ordered Filter Where")
_COMPARISONS = words("EQ NEQ GT GTE LT LTE")
_NAMES = {
    "Subquery": "sub-query", "Select": "sub-query", "Exists": "sub-query", "Any": "sub-query", "All": "sub-query", "Union": "sub-query",
    "Dot": "attribute access", "Lambda": "lambda", "Kwarg": "named argument", "PropertyEQ": "named argument", "Alias": "`as` and two values side by side",
    "Aliases": "`as`", "Tuple": "several values", "Comprehension": "list comprehension", "Placeholder": "parameter", "Parameter": "parameter",
    "Collate": "collate", "RegexpLike": "`~`", "SimilarTo": "similar to", "Glob": "glob", "AtTimeZone": "at time zone", "Command": "statement",
    "PositionalColumn": "column by number", "JSONExtract": "arrow", "JSONExtractScalar": "arrow", "Columns": "columns(…)", "Explode": "unnest",
    "Star": "`*`", "Distinct": "distinct", "Order": "order by", "Ordered": "order by", "Filter": "filter", "Where": "filter",
}  # fmt: skip


# What each node may carry. Anything else would be lost in writing, and so is refused.
_ARGS = {
    "Identifier": "quoted", "Literal": "is_string", "Like": "negate", "ILike": "negate", "Case": "ifs default", "If": "true false", "In": "expressions field",
    "Between": "low high", "Cast": "to", "TryCast": "to safe", "DataType": "expressions nested", "Div": "typed safe", "DPipe": "safe", "Interval": "unit",
    "Anonymous": "expressions", "Distinct": "expressions", "Order": "expressions", "Ordered": "desc nulls_first",
}  # fmt: skip


def allow(tree: Any, text: str, variables: dict[int, Reference], aggregates: bool) -> None:
    deep = [(tree, 1)]
    while deep:
        node, depth = deep.pop()
        if depth > LONGEST_CHAIN:
            raise ExpressionError(
                "PYE337", f"the expression chains more than {LONGEST_CHAIN} operations", place(node), "Use `in (…)` for a choice of values, or several steps."
            )
        _allow_node(node, text, variables, aggregates)
        deep.extend((child, depth + 1) for child in node.iter_expressions())


def _allow_node(node: Any, text: str, variables: dict[int, Reference], aggregates: bool) -> None:
    kind = type(node).__name__
    if kind in ("Window", "WithinGroup", "IgnoreNulls", "RespectNulls"):
        raise ExpressionError("PYE338", "a window (`over`) cannot stand in an expression", place(node), "Use the window module or a SQL module.")
    if kind not in _PLAIN and not (aggregates and kind in _IN_AGGREGATES):
        found = re.match(r"\s*([^\W\d]\w*)", text)
        word = found[1].lower() if found else ""
        if node.parent is None and word in STATEMENTS:
            raise refused(f"the statement {word.upper()}", 0, "Write a value or a condition; a SQL module takes a SELECT.")
        what = _NAMES.get(kind, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower())
        raise refused(what, place(node))
    known = ("this", "expression", *_ARGS.get(kind, "").split())
    for part in node.args:
        if part not in known and node.args[part] and kind not in ("Column", "In", "Between", "Cast", "TryCast"):
            raise refused(part.replace("_", " "), place(node))
    if kind == "Column":
        if any(node.args.get(part) for part in node.args if part != "this") or type(node.this).__name__ != "Identifier":
            raise refused("attribute access", place(node), "Columns are written by their name alone.")
    elif kind == "Anonymous":
        _allow_call(node, aggregates)
    elif kind in _COMPARISONS and any(type(side).__name__ in _COMPARISONS for side in (node.this, node.expression)):
        raise ExpressionError("PYE331", "comparisons cannot be chained", place(node), "Write `1 < x and x < 10`, or `x between 1 and 10`.")
    elif kind == "Star" and type(node.parent).__name__ != "Anonymous":
        raise refused("`*`", place(node), "Name the columns; only count(*) takes a star.")
    elif kind in ("Distinct", "Order") and type(node.parent).__name__ not in ("Anonymous", "Order"):
        raise refused(_NAMES[kind], place(node), "It belongs inside an aggregate: count(distinct x).")
    elif kind == "Distinct" and node.args.get("on"):
        raise refused("distinct on", place(node), "Write count(distinct x).")
    elif kind == "Ordered" and node.args.get("with_fill"):
        raise refused("with fill", place(node), "Take it out.")
    elif kind == "Filter" and not (type(node.this).__name__ == "Anonymous" and _group(node.this) == "aggregate"):
        raise refused("filter", place(node), "Only an aggregate takes `filter (where …)`.")
    elif kind == "In" and (node.args.get("query") or node.args.get("unnest") or (node.args.get("field") and place(node.args["field"]) not in variables)):
        what = "sub-query" if node.args.get("query") else "`in` without a list"
        raise refused(what, place(node), "Write the values: `x in (1, 2, 3)`; to look up another table use the join module.")
    elif kind == "Between" and node.args.get("symmetric"):
        raise refused("between symmetric", place(node), "Write the lower bound first.")
    elif kind == "Interval":
        unit = node.args.get("unit")
        if not (type(node.this).__name__ == "Literal" and type(unit).__name__ == "Var" and unit.name.upper() in UNITS):
            raise refused("an interval that is not a number and a unit", place(node), "Write `interval 3 day`, or use to_days(x), to_months(x) … for a column.")
    elif kind == "Extract" and node.name.upper() not in PARTS:
        raise ExpressionError(
            "PYE331",
            f"`{node.name.lower()}` is no part of a date",
            max(text.lower().find(node.name.lower()), 0),
            did_you_mean(node.name.lower(), [p.lower() for p in PARTS]),
        )
    elif kind in ("Cast", "TryCast"):
        if any(node.args.get(part) for part in node.args if part not in ("this", "to", "safe")):
            raise refused("cast with a format", place(node), "Use strptime(text, format) or strftime(date, format).")
        type_name(node.args["to"], place(node))
    elif kind == "Is" and type(node.expression).__name__ not in ("Null", "Boolean"):
        raise refused("`is` with a value", place(node), "Write `is null`, `is not null`, `is true`, or `=`.")


UNITS = words("YEAR QUARTER MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND")
PARTS = UNITS | words("DECADE CENTURY DOW DAYOFWEEK ISODOW DOY DAYOFYEAR ISOYEAR EPOCH")
TYPES = {
    "BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INTEGER", "BIGINT": "BIGINT", "INT128": "HUGEINT", "UTINYINT": "UTINYINT",
    "USMALLINT": "USMALLINT", "UINT": "UINTEGER", "UBIGINT": "UBIGINT", "FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "DECIMAL": "DECIMAL", "TEXT": "VARCHAR",
    "VARCHAR": "VARCHAR", "CHAR": "VARCHAR", "DATE": "DATE", "TIME": "TIME", "TIMESTAMP": "TIMESTAMP", "TIMESTAMPNTZ": "TIMESTAMP", "DATETIME": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "INTERVAL": "INTERVAL", "VARBINARY": "BLOB", "BLOB": "BLOB",
}  # fmt: skip


def type_name(node: Any, at: int) -> str:
    """DuckDB's name of the type of a cast.

    Raises:
        ExpressionError: nested or unknown type.
    """
    kind = getattr(node.this, "name", "")
    known = TYPES.get(kind)
    parameters = [p.name for p in node.expressions]
    if known is None or not all(p.isdigit() for p in parameters) or (parameters and known not in ("DECIMAL", "VARCHAR")) or len(parameters) > 2:
        raise ExpressionError(
            "PYE331",
            f"cannot cast to `{node.sql('duckdb').lower()}`",
            at,
            "Types are bool, int64, double, decimal(p,s), string, date, time, timestamp, … as in a source's columns.",
        )
    if known == "DECIMAL":
        precision, scale = (int(parameters[0]) if parameters else 18), (int(parameters[1]) if len(parameters) == 2 else 0 if parameters else 3)
        if not 1 <= precision <= 38 or scale > precision:
            raise ExpressionError("PYE331", f"decimal({precision},{scale}) does not exist", at, "Give 1 to 38 digits, and no more of them behind the point.")
        return f"DECIMAL({precision}, {scale})"
    return known


def _group(node: Any) -> str:
    doc = FUNCTIONS.get(str(node.this).lower()) if isinstance(node.this, str) else None
    return doc.group if doc else ""


def _allow_call(node: Any, aggregates: bool) -> None:
    at = place(node) if "start" not in node.meta else node.meta["start"]
    if not isinstance(node.this, str):
        raise ExpressionError("PYE333", f"function `{node.name}` is not available", at, "Function names are written without quotes.")
    name = node.this.lower()
    doc = FUNCTIONS.get(name)
    if name in CHANGING:
        raise changing(name, at)
    if name in WINDOW_ONLY:
        raise ExpressionError("PYE338", f"`{name}` works over a window only", at, "Use the window module or a SQL module.")
    if doc is None:
        raise not_available(node.this, at)
    if doc.group == "aggregate" and not aggregates:
        raise ExpressionError("PYE338", f"`{name}` works over many rows and cannot stand in a plain expression", at, "Use the aggregate module.")
    arguments = list(node.expressions)
    modifiers = {"Star", "Distinct", "Order"}
    if doc.group != "aggregate" and any(type(a).__name__ in modifiers for a in arguments):
        raise refused("distinct, order by or `*` in a plain function", at, f"Write {doc.signature}.")
    if any(type(a).__name__ == "Star" for a in arguments) and (name != "count" or len(arguments) > 1):
        raise refused("`*`", at, "Only count(*) takes a star.")
    count = sum(len(_distinct(a).expressions) if type(_distinct(a)).__name__ == "Distinct" else 1 for a in arguments)
    if count < doc.least or (doc.most is not None and count > doc.most):
        raise ExpressionError("PYE334", f"`{name}` was given {count} argument{'' if count == 1 else 's'}", at, f"Write {doc.signature}.")


def _distinct(node: Any) -> Any:
    return node.this if type(node).__name__ == "Order" else node
