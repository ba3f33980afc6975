"""``select_mod``: which columns go on, under which names, with which types, in which order."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import (
    REJECT_COLUMNS,
    Column,
    Expr,
    Inputs,
    ModuleConfig,
    Query,
    Relation,
    RelationalModule,
    Schema,
    Values,
    col,
    columns,
    distinct,
    find,
    find_all,
    fresh,
    known_type,
    literal,
    misfit,
    names,
    types,
)

_MOMENTS = ("date", "time", "timestamp", "timestamptz")


Types = Annotated[dict[str, str], types("input")]


class Config(ModuleConfig):
    """Columns by their names at the input; all of it in one pass: choose, retype, rename, order."""

    keep: Annotated[list[str] | None, columns()] = Field(default=None, title="Keep", description="Only these columns, in this order; null keeps all.")
    drop: Annotated[list[str], columns()] = Field(default=[], title="Drop", description="All columns but these.")
    rename: Annotated[dict[str, str], columns()] = Field(default={}, title="Rename", description="Old name and new name.", examples=[{"cust_nm": "customer"}])
    types: Types = Field(
        default={},
        title="Types",
        description="Column (old name) and its new type. What becomes of a value that cannot be converted says `on_misfit`.",
        examples=[{"amount": "decimal(18,2)", "day": "date"}],
    )
    formats: Annotated[dict[str, str], columns()] = Field(
        default={}, title="Formats", description="Pattern for text to date, time or timestamp and back.", examples=[{"day": "%d.%m.%Y"}]
    )
    on_misfit: Literal["reject", "null"] = Field(
        default="reject",
        title="Value does not convert",
        description="Send the row to `reject`, or put null in its place. Without a link at `reject` the run fails, unless the module says on_reject: ignore.",
    )
    first: Annotated[list[str], columns()] = Field(
        default=[], title="First columns", description="These (new names) come first; the others follow in their order."
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.keep is not None and self.drop:
            raise ValueError("keep and drop exclude each other")
        loose = sorted(set(self.formats) - set(self.types))
        if loose:
            raise ValueError(f"formats names `{loose[0]}`, which types does not convert")
        return self


class SelectMod(RelationalModule):
    """Chooses, retypes, renames and orders columns. 2.7 becomes 3 as an integer, 2.5 becomes 3: half away from zero."""

    TYPE = "mod"
    DESCRIPTION = "Keeps, drops, renames, retypes and reorders columns"
    CATEGORY = "Columns"
    TITLE: ClassVar[str] = "Select columns"
    ICON: ClassVar[str] = "columns"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    OUTPUT_PORTS: ClassVar[list[str]] = ["output", "reject"]
    REJECT_PORTS: ClassVar[list[str]] = ["reject"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count"]
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One query; with converted columns, two over a step that converts once and says which column failed."""
        schema = inputs["input"][0]
        chosen = self._chosen(schema)
        converted = {name: self._converted(find(name, schema, ("types", name)), type) for name, type in self.config.types.items()}
        risky = [name for name, expr in converted.items() if expr.sql != _plain(name).sql and self.config.on_misfit == "reject"]
        if not risky:
            output = Query(tuple((new, converted.get(old, _plain(old))) for old, new in chosen), Expr('"input"'))
            nothing = Values((*REJECT_COLUMNS, *(c for c in schema if c.name not in names(REJECT_COLUMNS))), ())
            ports: dict[str, Query | Values] = {"output": output, "reject": nothing}
            return Relation(outputs={port: ports[port] for port in ports if port in wanted}, change="same")
        return self._with_rejects(schema, chosen, converted, risky, wanted)

    def _chosen(self, schema: Schema) -> list[tuple[str, str]]:
        """(old name, new name) of every column of the output, in its order."""
        config = self.config
        kept = [c.name for c in (schema if config.keep is None else find_all(config.keep, schema, ("keep",)))]
        dropped = {c.name for c in find_all(config.drop, schema, ("drop",))}
        for old in config.rename:
            find(old, schema, ("rename", old))
        chosen = [(name, config.rename.get(name, name)) for name in kept if name not in dropped]
        distinct((new for _, new in chosen), ("rename",))
        if not chosen:
            raise misfit("PYE374", "no column is left", ("drop",), "Keep at least one column.")
        ahead = [c.name for c in find_all(config.first, tuple(Column(new, "any") for _, new in chosen), ("first",), "output")]
        place = {name: number for number, name in enumerate(ahead)}
        return sorted(chosen, key=lambda pair: place.get(pair[1], len(place)))

    def _converted(self, column: Column, type: str) -> Expr:
        wanted, format = known_type(type, ("types", column.name)), self.config.formats.get(column.name)
        value = col("input", column.name)
        if column.type == type:
            return value
        if format is not None:
            return _formatted(value, column, type, wanted, format)
        if type.startswith(("int", "uint")) and column.type in {"double", "float"}:
            return Expr(f"TRY_CAST(round({value.sql}) AS {wanted})", value.reads)
        if column.type == "string" and type.startswith(("int", "uint")):
            exact = f"TRY_CAST(trim({value.sql}) AS {wanted})"
            return Expr(f"CASE WHEN regexp_full_match(trim({value.sql}), '[+-]?[0-9]+') THEN {exact} END", value.reads)
        return Expr(f"TRY_CAST({value.sql} AS {wanted})", value.reads)

    def _with_rejects(self, schema: Schema, chosen: list[tuple[str, str]], converted: dict[str, Expr], risky: list[str], wanted: frozenset[str]) -> Relation:
        taken = list(names(schema))
        made: dict[str, str] = {}
        for name in converted:
            made[name] = fresh(f"{name} converted", taken)
            taken.append(made[name])
        failed = fresh("failed", taken)
        tests = " ".join(f"WHEN {_plain(n).sql} IS NOT NULL AND {converted[n].sql} IS NULL THEN {literal(n)}" for n in risky)
        which = Expr(f"CASE {tests} END", frozenset(("input", n) for n in risky))
        own = tuple((c.name, _plain(c.name)) for c in schema)
        step = Query((*own, *((made[name], expr) for name, expr in converted.items()), (failed, which)), Expr('"input"'))
        verdict = col("converted", failed)
        rejects = self._reject_columns(schema, risky, verdict)
        outputs: dict[str, Query] = {}
        if "output" in wanted:
            good = tuple((new, col("converted", made.get(old, old))) for old, new in chosen)
            strict = "reject" not in wanted and self.on_reject == "fail"
            outputs["output"] = Query(good, Expr('"converted"'), where=_passes(rejects, verdict, strict=strict))
        if "reject" in wanted:
            outputs["reject"] = Query(rejects, Expr('"converted"'), where=Expr(f"{verdict.sql} IS NOT NULL", verdict.reads))
        return Relation(outputs=outputs, steps={"converted": step}, change="fewer")

    def _reject_columns(self, schema: Schema, risky: list[str], verdict: Expr) -> tuple[tuple[str, Expr], ...]:
        """What went wrong, in the one schema of rejects, and behind it the row as it came."""
        cases = " ".join(f"WHEN {literal(name)} THEN CAST({col('converted', name).sql} AS VARCHAR)" for name in risky)
        raw = Expr(f"CASE {verdict.sql} {cases} END", verdict.reads | {("converted", name) for name in risky})
        meant = " ".join(f"WHEN {literal(name)} THEN {literal(self.config.types[name])}" for name in risky)
        said = {
            "error_code": Expr("'conversion'"),
            "error_message": Expr(f"'cannot be converted to ' || CASE {verdict.sql} {meant} END", verdict.reads),
            "error_column": verdict,
            "source": Expr("CAST(NULL AS VARCHAR)"),
            "line": Expr("CAST(NULL AS BIGINT)"),
            "raw": raw,
        }
        row = tuple((c.name, col("converted", c.name)) for c in schema if c.name not in said)
        return (*said.items(), *row)


def _passes(rejects: tuple[tuple[str, Expr], ...], verdict: Expr, *, strict: bool) -> Expr:
    """True for rows that were converted; for others false or, if nobody takes them, an error that names column and value."""
    if not strict:
        return Expr(f"{verdict.sql} IS NULL", verdict.reads)
    said = dict(rejects)
    message = f"'column ' || {verdict.sql} || ': ' || {said['raw'].sql} || ' ' || {said['error_message'].sql}"
    return Expr(f"CASE WHEN {verdict.sql} IS NULL THEN TRUE ELSE error({message}) END", said["raw"].reads)


def _plain(name: str) -> Expr:
    return col("input", name)


def _formatted(value: Expr, column: Column, type: str, wanted: str, format: str) -> Expr:
    if type == "string" and column.type in _MOMENTS:
        moment = f"(DATE '1970-01-01' + {value.sql})" if column.type == "time" else value.sql
        return Expr(f"strftime({moment}, {literal(format)})", value.reads)
    if type in _MOMENTS and column.type == "string":
        return Expr(f"TRY_CAST(try_strptime({value.sql}, {literal(format)}) AS {wanted})", value.reads)
    message = f"a format converts text to a date, time or timestamp or back, not {column.type} to {type}"
    raise misfit("PYE372", message, ("formats", column.name), "Take the format out.")
