"""``csv_source``: rows from delimited text files, with declared types and a port for bad lines."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from pypeline.sdk import (
    Column,
    Effects,
    Inputs,
    ModuleConfig,
    PartitionNeed,
    Relation,
    RelationalModule,
    Scan,
    distinct,
    known_type,
    new_column,
    path,
    types,
    unit,
)

OneCharacter = Annotated[str, Field(min_length=1, max_length=1)]


class Config(ModuleConfig):
    """Which files, in which dialect, with which columns."""

    file_path: Annotated[str | Annotated[list[str], Field(min_length=1)], path("open", "csv")] = Field(
        title="File", description="A file, a folder (its *.csv files), a pattern with * ? [ ] **, or a list of these; read in the order of their paths.",
        examples=["data/people.csv", "data/2024-*.csv.gz"],
    )  # fmt: skip
    columns: Annotated[dict[str, str], types()] = Field(
        default={}, title="Columns", description="Column name and type. Empty: found once by looking at the file; write them down to make every run equal.",
        examples=[{"id": "int64", "name": "string", "born": "date"}],
    )  # fmt: skip
    match: Literal["name", "position"] = Field(
        default="name",
        title="Match columns by",
        description="By the names in the header row, or by position: the first declared column is the first of the file.",
    )
    encoding: str = Field(
        default="utf-8", title="Encoding", description="Text encoding of the files. A byte-order mark is always understood.", examples=["latin-1", "utf-16"]
    )
    delimiter: Annotated[str, Field(min_length=1, max_length=4)] = Field(
        default=",",
        title="Separator",
        description="Between two values: one to four characters, `\\t` for a tab, or `auto` to find it by looking at the file.",
        examples=[";", "\t", "||"],
    )
    quote: OneCharacter | None = Field(default='"', title="Quote", description="Character around text; null when the files quote nothing.")
    escape: OneCharacter | None = Field(default=None, title="Escape", description="Character before a quote inside quotes; null when a quote is written twice.")
    line_ending: Literal["auto", "lf", "crlf", "cr"] = Field(
        default="auto", title="End of line", description="What ends a row. `auto` accepts any one of them, the same in the whole file."
    )
    header_rows: int = Field(
        default=1, ge=0, le=100, title="Header rows", description="Rows above the data; the first names the columns, 0 when the files have none."
    )
    skip_rows: Annotated[int, unit("rows")] = Field(default=0, ge=0, title="Skip rows", description="Lines before the header, in every file.")
    skip_footer: Annotated[int, unit("rows")] = Field(
        default=0, ge=0, le=1000, title="Skip footer", description="Lines at the end of every file that are no data."
    )
    comment: OneCharacter | None = Field(default=None, title="Comment", description="Lines that begin with this character are left out.")
    limit: Annotated[int | None, unit("rows")] = Field(default=None, ge=0, title="Limit", description="Read at most this many rows of all files together.")
    decimal: Literal[".", ","] = Field(default=".", title="Decimal mark", description="Between the whole and the fraction of a number.")
    thousands: Literal[".", ",", " ", "'", "_"] | None = Field(default=None, title="Thousands mark", description="Taken out of numbers before they are read.")
    exact: bool = Field(
        default=False,
        title="Exact",
        description="Reject every row with a number that its type cannot hold, such as 2.5 in an int64 column, a moment finer than a microsecond, "
        "or a NUL character in a text; it takes two to three times as long. When off, columns whose sample shows one are read in that way (the first "
        "1,000 rows, some of the middle and the end); other such values are rounded, and a NUL character or an infinite number fails the run.",
    )
    date_format: str | None = Field(
        default=None, title="Date format", description="Pattern of all date columns; null means ISO, 2024-12-31, without a time of day.", examples=["%d.%m.%Y"]
    )
    timestamp_format: str | None = Field(
        default=None, title="Timestamp format", description="Pattern of all timestamp columns; null means ISO.", examples=["%d.%m.%Y %H:%M:%S"]
    )
    formats: dict[str, str] = Field(
        default={}, title="Formats", description="Pattern of single date, time or timestamp columns.", examples=[{"born": "%Y/%m/%d"}]
    )
    null_strings: list[str] = Field(default=[""], title="Null texts", description="Texts that mean null.", examples=[["", "\\N", "NA"]])
    quoted_nulls: bool = Field(default=True, title="Null in quotes", description="Whether a null text in quotes is null too; if not, it is text.")
    trim: bool = Field(default=False, title="Trim", description="Take blanks off both ends of text values. Numbers and dates are always read without them.")
    extra_columns: Literal["reject", "ignore"] = Field(
        default="reject", title="Too many values", description="What to do with a row of more values than the file has columns."
    )
    missing_columns: Literal["reject", "null"] = Field(
        default="reject", title="Too few values", description="What to do with a row of fewer values than the file has columns."
    )
    file_required: bool = Field(default=True, title="File required", description="When off, no matching file gives an empty table of the declared columns.")
    compression: Literal["auto", "none", "gzip", "zstd"] = Field(default="auto", title="Compression", description="`auto` goes by the file name: .gz, .zst.")
    file_name_column: Annotated[str | None, new_column()] = Field(
        default=None, title="File name column", description="Adds a column with the name of the row's file."
    )
    file_path_column: Annotated[str | None, new_column()] = Field(
        default=None, title="File path column", description="Adds a column with the path of the row's file."
    )
    line_column: Annotated[str | None, new_column()] = Field(
        default=None, title="Row number column", description="Adds a column with the row's number in its file, the first data row being 1."
    )
    max_line_bytes: Annotated[int, unit("bytes")] = Field(
        default=2_097_152, ge=1024, le=1_073_741_824, title="Longest row", description="A longer row is a bad line."
    )

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.columns:
            unknown = sorted(set(self.formats) - set(self.columns))
            if unknown:
                raise ValueError(f"formats names `{unknown[0]}`, which columns does not declare")
        elif not self.file_required:
            raise ValueError("file_required: false needs the columns declared, for the empty table")
        if self.match == "position" and not self.columns:
            raise ValueError("match: position needs the columns declared")
        if self.delimiter in {self.quote, self.escape}:
            raise ValueError("the separator cannot be the quote or the escape character")
        return self


class CsvSource(RelationalModule):
    """Reads delimited text. Bad lines leave by ``reject`` with their file, line and reason."""

    TYPE = "source"
    VERSION = "1.0.0"
    DESCRIPTION = "Reads rows from delimited text files (CSV, TSV, …)"
    CATEGORY = "File Sources"
    TITLE: ClassVar[str] = "CSV source"
    ICON: ClassVar[str] = "file"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data", "reject"]
    REJECT_PORTS: ClassVar[list[str]] = ["reject"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "rejected_count", "file_count", "file_size"]
    EFFECTS: ClassVar[Effects] = Effects.READS
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.ANY
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One scan of the files; the engine serves ``reject`` from the same scan."""
        config = self.config
        added = [name for name in (config.file_name_column, config.file_path_column, config.line_column) if name is not None]
        distinct([*config.columns, *added], ("columns",))
        for name, type in config.columns.items():
            known_type(type, ("columns", name))
        files = (config.file_path,) if isinstance(config.file_path, str) else tuple(config.file_path)
        columns = tuple(Column(name, type) for name, type in config.columns.items())
        return Relation(outputs={"data": Scan("csv", files, columns, config.model_dump(exclude={"file_path", "columns"}))})
