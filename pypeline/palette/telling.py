"""What ``die`` and ``warn`` share: a message with a code, and the table that may make them speak."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pypeline.sdk import ModuleConfig, multiline, unit


class Told(ModuleConfig):
    """What is said, and when."""

    message: Annotated[str, multiline()] = Field(min_length=1, title="Message", description="What is said.", examples=["no orders for {{context.day}}"])
    code: int = Field(default=0, ge=-(2**31), lt=2**31, title="Code", description="A number of your own that goes with the message.")
    empty_too: bool = Field(
        default=False, title="Also when empty", description="With a table linked in: speak even if it has no rows. Without one this changes nothing."
    )
    rows: Annotated[int, unit("rows")] = Field(
        default=3, ge=0, le=100, title="Rows", description="With a table linked in: so many of its first rows are written to the log."
    )


def heard(config: Told, inputs: dict[str, Any], logger: Any) -> tuple[bool, int]:
    """Whether ``config`` wants to speak about what came in on port ``input``, and how many rows came; shows the first."""
    table = inputs.get("input")
    if table is None:
        return True, 0
    count = int(table.n_rows)
    if count and config.rows:
        for row in _first(table, config.rows).to_pylist():
            logger.info(", ".join(f"{name}={value}" for name, value in row.items()))
    return count > 0 or config.empty_too, count


def _first(table: Any, rows: int) -> Any:
    """The first rows of ``table``; one handed over on disk is not read as a whole for them."""
    return table.first(rows) if hasattr(table, "first") else table.to_arrow().slice(0, rows)


def words(config: Told, rows: int) -> str:
    """The message, with its code and the number of rows that caused it."""
    more = [f"code {config.code}"] if config.code else []
    if rows:
        more.append(f"{rows:,} row{'s' if rows > 1 else ''}")
    return config.message + (f" ({', '.join(more)})" if more else "")
