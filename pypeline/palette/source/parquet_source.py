"""``parquet_source``: rows from Parquet files, which carry their own names and types."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from pypeline.sdk import Column, Effects, Inputs, ModuleConfig, Relation, RelationalModule, Scan, distinct, known_type, new_column, path, types, unit


class Config(ModuleConfig):
    """Which files, and which of their columns."""

    file_path: Annotated[str | Annotated[list[str], Field(min_length=1)], path("open", "parquet")] = Field(
        title="File", description="A file, a folder (its *.parquet files), a pattern with * ? [ ] **, or a list of these.", examples=["data/orders-*.parquet"]
    )
    columns: Annotated[dict[str, str], types()] = Field(
        default={},
        title="Columns",
        description="Only these columns, with these types: a column of another type is a problem before the run. Empty reads all as they are.",
    )
    union_by_name: bool = Field(
        default=False, title="Match by name", description="Files may have different columns; one that a file lacks is null there. Off: all are like the first."
    )
    hive_partitioning: bool = Field(default=False, title="Folder columns", description="Folders named key=value become columns.")
    limit: Annotated[int | None, unit("rows")] = Field(default=None, ge=0, title="Limit", description="Read at most this many rows of all files together.")
    file_required: bool = Field(default=True, title="File required", description="When off, no matching file gives an empty table of the declared columns.")
    file_name_column: Annotated[str | None, new_column()] = Field(default=None, title="File name column", description="Adds the name of the row's file.")
    file_path_column: Annotated[str | None, new_column()] = Field(default=None, title="File path column", description="Adds the path of the row's file.")

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if not self.file_required and not self.columns:
            raise ValueError("file_required: false needs the columns declared, for the empty table")
        return self


class ParquetSource(RelationalModule):
    """Reads Parquet. Row groups that a filter further on rules out are not read."""

    TYPE = "source"
    DESCRIPTION = "Reads rows from Parquet files"
    CATEGORY = "File Sources"
    TITLE: ClassVar[str] = "Parquet source"
    ICON: ClassVar[str] = "box"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "file_count", "file_size"]
    EFFECTS: ClassVar[Effects] = Effects.READS
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One scan of the files."""
        config = self.config
        distinct([*config.columns, *(n for n in (config.file_name_column, config.file_path_column) if n is not None)], ("columns",))
        for name, type in config.columns.items():
            known_type(type, ("columns", name))
        files = (config.file_path,) if isinstance(config.file_path, str) else tuple(config.file_path)
        columns = tuple(Column(name, type) for name, type in config.columns.items())
        return Relation(outputs={"data": Scan("parquet", files, columns, config.model_dump(exclude={"file_path", "columns"}))})
