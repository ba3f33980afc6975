"""``filter_mod``: rows that meet a condition go one way, all others the other."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from pypeline.sdk import Expr, Inputs, ModuleConfig, Query, Relation, RelationalModule, col, expression, fresh, names, passed


class Config(ModuleConfig):
    """Which rows pass."""

    condition: Annotated[str, expression("input", "bool")] = Field(
        title="Condition",
        description="Rows for which this is true leave by `output`; false and unknown (null) leave by `reject`.",
        examples=["age > 18", "status = 'paid' and price * quantity > 100"],
    )


class FilterMod(RelationalModule):
    """Splits rows by one condition. Null is not true: such a row leaves by ``reject``."""

    TYPE = "mod"
    DESCRIPTION = "Passes the rows that meet a condition; the others leave by `reject`"
    CATEGORY = "Rows"
    TITLE: ClassVar[str] = "Filter"
    ICON: ClassVar[str] = "filter"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output", "reject"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One query; two over a shared step that evaluates the condition once when both ports are read."""
        schema = inputs["input"][0]
        condition = self.expr(("condition",), self.config.condition, schema)
        if "reject" not in wanted:
            return Relation(outputs={"output": Query(passed("input", schema), Expr('"input"'), where=condition)}, change="fewer")
        passes = fresh("passes", names(schema))
        tested = Query((*passed("input", schema), (passes, condition)), Expr('"input"'))
        verdict = col("tested", passes)
        outputs = {
            "output": Query(passed("tested", schema), Expr('"tested"'), where=verdict),
            "reject": Query(passed("tested", schema), Expr('"tested"'), where=Expr(f"({verdict.sql}) IS NOT TRUE", verdict.reads)),
        }
        return Relation(outputs={port: query for port, query in outputs.items() if port in wanted}, steps={"tested": tested}, change="fewer")
