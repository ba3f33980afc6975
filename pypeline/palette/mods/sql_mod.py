"""``sql_mod``: any SELECT over the tables that arrive."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from pypeline.sdk import Expr, Inputs, ModuleConfig, PartitionNeed, Query, Relation, RelationalModule, misfit, port_alias, quote, sql

_NAME = r"^[^\W\d]\w*$"


class Config(ModuleConfig):
    """The SELECT, and what its tables are called in it."""

    query: Annotated[str, sql("tables")] = Field(
        min_length=1,
        title="SELECT",
        description="One SELECT (DuckDB's SQL) over the inputs; variables in it are bound as values. It can read nothing but the inputs, and write nothing.",
        examples=["select country, count(*) as people from input group by country"],
    )
    tables: list[Annotated[str, Field(pattern=_NAME)]] = Field(
        default=[],
        title="Table names",
        description='What the first, second … input is called in the SELECT; else `input`, `"input$2"` …',
        examples=[["orders", "customers"]],
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if len({name.casefold() for name in self.tables}) < len(self.tables):
            raise ValueError("two tables have one name")
        return self


class SqlMod(RelationalModule):
    """Runs a SELECT as part of the fused statement, after it was checked to be one and nothing else."""

    TYPE = "mod"
    DESCRIPTION = "Any SELECT over its inputs"
    CATEGORY = "Code"
    TITLE: ClassVar[str] = "SQL"
    ICON: ClassVar[str] = "code"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "many"}
    GLOBALS: ClassVar[list[str]] = ["row_count"]
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.SINGLE
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """The SELECT in brackets, below a WITH that gives the inputs their names."""
        schemas = inputs["input"]
        said = self.config.tables
        if len(said) > len(schemas):
            raise misfit("PYE374", f"{len(said)} table names for {len(schemas)} inputs", ("tables",), "Name as many as there are links.")
        tables = {(said[n] if n < len(said) else port_alias("input", n)): schema for n, schema in enumerate(schemas)}
        query = self.select(("query",), self.config.query, tables)
        aliases = {name: port_alias("input", n) for n, name in enumerate(tables)}
        # all of them, quoted: a SELECT that reads rows but no column, as `select count(*) from input`, names its input in no other way
        heads = ", ".join(f"{quote(name)} AS (SELECT * FROM {quote(alias)})" for name, alias in aliases.items())  # noqa: S608 (quoted names)
        reads = frozenset((aliases[table], column) for table, column in query.reads)
        inner = f"WITH {heads} SELECT * FROM ({query.sql}) AS chosen"  # noqa: S608 (checked by select)
        return Relation(outputs={"output": Query((), Expr(f"({inner}) AS made", reads))}, blocking=True, change="any")
