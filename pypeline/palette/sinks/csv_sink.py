"""``csv_sink``: rows into a delimited text file."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import (
    Column,
    Effects,
    Expr,
    Inputs,
    ModuleConfig,
    Query,
    Relation,
    RelationalModule,
    Write,
    col,
    find,
    literal,
    path,
)

_FRACTIONS = ("float", "double", "decimal")


class Config(ModuleConfig):
    """Where to, in which dialect."""

    output_path: Annotated[str, path("save")] = Field(
        min_length=1,
        title="File",
        description="The file to write; it may be one that the flow reads, since it is replaced when all is written.",
        examples=["out/people.csv"],
    )
    mode: Literal["create", "replace", "append"] = Field(
        default="replace", title="Mode", description="`create` fails when the file exists, `append` keeps its rows and adds the new ones."
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, title="Separator", description="Between two values.", examples=[";", "\t"])
    quote: str = Field(default='"', min_length=1, max_length=1, title="Quote", description="Character around text that needs it; written twice inside.")
    quoting: Literal["minimal", "all"] = Field(default="minimal", title="Quoting", description="Quote what needs it, or every value.")
    header: bool = Field(default=True, title="Header", description="Write the column names above the rows.")
    encoding: str = Field(default="utf-8", title="Encoding", description="Text encoding of the file.", examples=["utf-8-sig", "latin-1", "utf-16"])
    line_ending: Literal["lf", "crlf"] = Field(default="lf", title="End of line", description="What ends a row.")
    null_string: str = Field(default="", title="Null text", description="Written for null.", examples=["\\N"])
    decimal: Literal[".", ","] = Field(default=".", title="Decimal mark", description="Between the whole and the fraction of a number.")
    date_format: str | None = Field(default=None, title="Date format", description="Pattern of all date columns; null means ISO.", examples=["%d.%m.%Y"])
    timestamp_format: str | None = Field(default=None, title="Timestamp format", description="Pattern of all timestamp columns; null means ISO.")
    formats: dict[str, str] = Field(default={}, title="Formats", description="Pattern of single date, time or timestamp columns.")
    compression: Literal["auto", "none", "gzip", "zstd"] = Field(default="auto", title="Compression", description="`auto` goes by the file name: .gz, .zst.")
    formula_guard: Literal["off", "escape"] = Field(
        default="off",
        title="Formula guard",
        description="`escape` puts an apostrophe before text that a spreadsheet would run as a formula. Off keeps the data as it is.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.delimiter == self.quote:
            raise ValueError("the separator cannot be the quote character")
        return self


class CsvSink(RelationalModule):
    """Writes all rows to one file; the old file stays whole until the new one is."""

    TYPE = "sink"
    DESCRIPTION = "Writes rows to a delimited text file (CSV, TSV, …)"
    CATEGORY = "File Sinks"
    TITLE: ClassVar[str] = "CSV sink"
    ICON: ClassVar[str] = "file"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "file_path"]
    EFFECTS: ClassVar[Effects] = Effects.WRITES
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """Values written as the config says in a step, where any needs it; then one write."""
        schema = inputs["input"][0]
        for name in self.config.formats:
            find(name, schema, ("formats", name))
        written = tuple((column.name, self._written(column)) for column in schema)
        options = self.config.model_dump(include={"delimiter", "quote", "quoting", "header", "encoding", "line_ending", "null_string", "compression"})
        plain = all(value == col("input", name) for name, value in written)
        steps = {} if plain else {"written": Query(written, Expr('"input"'))}
        write = Write("input" if plain else "written", "csv", self.config.output_path, self.config.mode, options)
        return Relation(steps=steps, writes=(write,))

    def _written(self, column: Column) -> Expr:
        config = self.config
        value = col("input", column.name)
        format = config.formats.get(column.name)
        if format is None and column.type == "date":
            format = config.date_format
        if format is None and column.type in {"timestamp", "timestamptz"}:
            format = config.timestamp_format
        if format is not None:
            moment = f"(DATE '1970-01-01' + {value.sql})" if column.type == "time" else value.sql
            return Expr(f"strftime({moment}, {literal(format)})", value.reads)
        if config.decimal != "." and column.type.startswith(_FRACTIONS):
            return Expr(f"replace(CAST({value.sql} AS VARCHAR), '.', {literal(config.decimal)})", value.reads)
        if config.formula_guard == "escape" and column.type == "string":
            return Expr(f"CASE WHEN regexp_matches({value.sql}, '^[=+@\\t\\r-]') THEN '''' || {value.sql} ELSE {value.sql} END", value.reads)
        return value
