"""``join_mod``: two tables side by side, row matched with row by keys or by a condition."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import (
    Expr,
    Inputs,
    ModuleConfig,
    PartitionNeed,
    Query,
    Relation,
    RelationalModule,
    Schema,
    col,
    columns,
    distinct,
    expression,
    find,
    find_all,
    fresh,
    literal,
    misfit,
    names,
    passed,
    quote,
)

_SQL = {"inner": "JOIN", "left": "LEFT JOIN", "right": "RIGHT JOIN", "full": "FULL JOIN", "semi": "SEMI JOIN", "anti": "ANTI JOIN", "cross": "CROSS JOIN"}
_NUMBERS = ("int", "uint", "float", "double", "decimal")

Pair = Annotated[list[str], Field(min_length=2, max_length=2)]


class Config(ModuleConfig):
    """What matches what, and what becomes of it."""

    keys: list[str | Pair] = Field(
        default=[],
        title="Keys",
        description="Columns that must be equal: one name for both sides, or a pair [left, right]. Null equals nothing.",
        examples=[["customer_id"], [["country", "code"], "year"]],
    )
    condition: Annotated[str | None, expression()] = Field(
        default=None,
        title="Condition",
        description="Instead of keys, or on top of them: true for rows that match. Columns have the names they have in the output of an inner join.",
        examples=["amount between low and high"],
    )
    type: Literal["inner", "left", "right", "full", "semi", "anti", "cross"] = Field(
        default="inner",
        title="Join",
        description="`left`, `right` and `full` keep rows without a match; `semi` and `anti` keep left rows with or without one and add no columns.",
    )
    match: Literal["all", "first", "last", "unique"] = Field(
        default="all",
        title="Match",
        description="All right rows of a key, the first or last that arrived, or `unique`: the run fails when a right key occurs twice.",
    )
    right_columns: Annotated[list[str] | dict[str, str] | None, columns("right")] = Field(
        default=None,
        title="Columns from right",
        description="Which right columns to add: a list, or old name and new name. Null adds all.",
        examples=[["name"], {"name": "country_name"}],
    )
    suffix: Annotated[str, Field(min_length=1)] = Field(
        default="_1", title="Suffix", description="Behind the name of a right column whose name the left side has too: `value` becomes `value_1`."
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.type == "cross" and (self.keys or self.condition):
            raise ValueError("a cross join has neither keys nor a condition")
        if self.type != "cross" and not self.keys and not self.condition:
            raise ValueError("a join needs keys or a condition")
        if self.match != "all" and (not self.keys or self.condition or self.type in {"right", "full", "cross"}):
            raise ValueError("match: first, last and unique need keys alone and a join of type inner, left, semi or anti")
        return self


class JoinMod(RelationalModule):
    """Joins ``left`` with ``right``; left rows without a match also leave by ``reject``."""

    TYPE = "mod"
    DESCRIPTION = "Joins two tables by keys or a condition; left rows without a match leave by `reject`"
    CATEGORY = "Combine"
    TITLE: ClassVar[str] = "Join"
    ICON: ClassVar[str] = "join"
    INPUT_PORTS: ClassVar[list[str]] = ["left", "right"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output", "reject"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count"]
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.BY
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One join for each wanted port; with ``match`` over a right side cut to one row a key."""
        left, right = inputs["left"][0], inputs["right"][0]
        pairs = self._pairs(left, right)
        added = self._added(left, right, pairs)
        steps, table = self._right(right, [b for _, b in pairs])
        condition = self._condition(left, added, pairs, table)
        outputs: dict[str, Query] = {}
        if "output" in wanted:
            outputs["output"] = self._joined(left, added, pairs, table, condition)
        if "reject" in wanted:
            outputs["reject"] = Query(passed("left", left), _source("anti", table, condition))
        return Relation(outputs=outputs, steps=steps, change="any")

    def _pairs(self, left: Schema, right: Schema) -> list[tuple[str, str]]:
        pairs = [(key, key) if isinstance(key, str) else (key[0], key[1]) for key in self.config.keys]
        for number, (a, b) in enumerate(pairs):
            path = ("keys", number)
            one, other = find(a, left, path, "left"), find(b, right, path, "right")
            if _family(one.type) != _family(other.type):
                message = f"`{a}` at `left` is {one.type}, `{b}` at `right` is {other.type}"
                raise misfit("PYE372", message, path, "Give both sides one type, at the source or with select_mod.")
        return pairs

    def _added(self, left: Schema, right: Schema, pairs: list[tuple[str, str]]) -> dict[str, str]:
        """Right column → its name in the output. A key of one name on both sides stands there once."""
        said = self.config.right_columns
        if said is None:
            shared = {b for a, b in pairs if a == b}
            wanted = {name: name for name in names(right) if name not in shared}
        else:
            wanted = dict(said) if isinstance(said, dict) else {name: name for name in said}
            find_all(wanted, right, ("right_columns",), "right")
        taken = [*names(left), *wanted.values()]
        added: dict[str, str] = {}
        for old, new in wanted.items():
            clash = any(new.casefold() == name.casefold() for name in (*names(left), *added.values()))
            added[old] = fresh(f"{new}{self.config.suffix}", taken) if clash else new
            taken.append(added[old])
        distinct((*names(left), *added.values()), ("right_columns",))
        return added

    def _right(self, right: Schema, keys: list[str]) -> tuple[dict[str, Query], str]:
        match = self.config.match
        if match == "all":
            return {}, "right"
        by = ", ".join(col("right", key).sql for key in keys)
        reads = frozenset(("right", key) for key in keys)
        if match == "unique":
            told = f"error({literal('right rows are not unique by ' + ', '.join(keys) + ': ')} || concat_ws(', ', {by}))"
            known = " AND ".join(f"{col('right', key).sql} IS NOT NULL" for key in keys)
            once = Expr(f"CASE WHEN count(*) OVER (PARTITION BY {by}) > 1 AND {known} THEN {told} ELSE TRUE END", reads)
            return {"chosen": Query(passed("right", right), Expr('"right"'), qualify=once)}, "chosen"
        place = fresh("place", names(right))
        numbered = Query((*passed("right", right), (place, Expr("row_number() OVER ()"))), Expr('"right"'))
        by = ", ".join(col("numbered", key).sql for key in keys)
        order = f"{col('numbered', place).sql} {'ASC' if match == 'first' else 'DESC'}"
        reads = frozenset({("numbered", key) for key in keys} | {("numbered", place)})
        one = Expr(f"row_number() OVER (PARTITION BY {by} ORDER BY {order}) = 1", reads)
        return {"numbered": numbered, "chosen": Query(passed("numbered", right), Expr('"numbered"'), qualify=one)}, "chosen"

    def _condition(self, left: Schema, added: dict[str, str], pairs: list[tuple[str, str]], table: str) -> Expr | None:
        parts = [Expr(f"{col('left', a).sql} = {col(table, b).sql}", frozenset({("left", a), (table, b)})) for a, b in pairs]
        if self.config.condition is not None:
            known = {name: col("left", name) for name in names(left)} | {new: col(table, old) for old, new in added.items()}
            parts.append(self.expr(("condition",), self.config.condition, known))
        if not parts:
            return None
        return Expr(" AND ".join(f"({p.sql})" for p in parts), frozenset().union(*(p.reads for p in parts)))

    def _joined(self, left: Schema, added: dict[str, str], pairs: list[tuple[str, str]], table: str, condition: Expr | None) -> Query:
        kind = self.config.type
        own = dict(passed("left", left))
        if kind in {"right", "full"}:
            for a, b in pairs:
                if a == b:
                    own[a] = Expr(f"coalesce({col('left', a).sql}, {col(table, b).sql})", frozenset({("left", a), (table, b)}))
        more = {} if kind in {"semi", "anti"} else {new: col(table, old) for old, new in added.items()}
        return Query((*own.items(), *more.items()), _source(kind, table, condition))


def _source(kind: str, table: str, condition: Expr | None) -> Expr:
    on = "" if condition is None else f" ON {condition.sql}"
    if kind == "anti" and condition is None:
        on = " ON TRUE"
    return Expr(f'"left" {_SQL[kind]} {quote(table)}{on}', frozenset() if condition is None else condition.reads)


def _family(type: str) -> str:
    if type.startswith(_NUMBERS) and type != "interval":
        return "number"
    return "moment" if type in {"date", "timestamp", "timestamptz"} else type
