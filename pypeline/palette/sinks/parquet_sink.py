"""``parquet_sink``: rows into a Parquet file."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pypeline.sdk import Effects, Inputs, ModuleConfig, Relation, RelationalModule, Write, path, unit


class Config(ModuleConfig):
    """Where to and how."""

    output_path: Annotated[str, path("save")] = Field(min_length=1, title="File", description="The file to write.", examples=["out/people.parquet"])
    mode: Literal["create", "replace", "append"] = Field(
        default="replace", title="Mode", description="`create` fails when the file exists, `append` keeps its rows and adds the new ones."
    )
    compression: Literal["zstd", "snappy", "gzip", "lz4", "brotli", "none"] = Field(
        default="zstd", title="Compression", description="Codec of the column chunks."
    )
    compression_level: int | None = Field(default=None, ge=1, le=22, title="Compression level", description="For zstd: 1 is fast, 22 is small.")
    row_group_size: Annotated[int, unit("rows")] = Field(default=122_880, ge=2048, le=100_000_000, title="Row group", description="Rows in one row group.")


class ParquetSink(RelationalModule):
    """Writes all rows to one file; the old file stays whole until the new one is."""

    TYPE = "sink"
    DESCRIPTION = "Writes rows to a Parquet file"
    CATEGORY = "File Sinks"
    TITLE: ClassVar[str] = "Parquet sink"
    ICON: ClassVar[str] = "box"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    GLOBALS: ClassVar[list[str]] = ["row_count", "file_path"]
    EFFECTS: ClassVar[Effects] = Effects.WRITES
    Config: ClassVar[type[Any] | None] = Config

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """One write; the engine stages and publishes it."""
        config = self.config
        return Relation(writes=(Write("input", "parquet", config.output_path, config.mode, config.model_dump(exclude={"output_path", "mode"})),))
