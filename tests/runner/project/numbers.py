"""Makes a table of ``rows`` numbers, as a DataFrame, an Arrow or Polars table, a Dask frame or a list."""

from __future__ import annotations

from typing import Any, ClassVar

from pypeline.sdk import BaseModule, RunContext


class Numbers(BaseModule):
    TYPE = "source"
    OUTPUT_PORTS: ClassVar[list[str]] = ["data"]
    CONFIG_SCHEMA: ClassVar[dict[str, Any]] = {
        "required": {"rows": {"type": "int"}},
        "optional": {"kind": {"type": "str", "default": "pandas"}, "port": {"type": "str", "default": "data"}},
    }

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        rows = list(range(self.configs["rows"]))
        table: Any = rows
        columns = {"n": rows, "half": [n / 2 if n % 2 else float("nan") for n in rows]}
        kind = self.configs["kind"]
        if kind == "pandas":
            import pandas as pd

            table = pd.DataFrame(columns)
        elif kind == "arrow":
            import pyarrow as pa

            table = pa.table(columns)
        elif kind == "polars":
            import polars as pl

            table = pl.DataFrame(columns)
        elif kind == "dask":
            import dask.dataframe as dd
            import pandas as pd

            table = dd.from_pandas(pd.DataFrame(columns), npartitions=3)
        elif kind == "records":
            table = [{"n": n, "half": n / 2} for n in rows]
        elif kind == "artifact":
            import pandas as pd

            table = ctx.artifact_manager.register(pd.DataFrame(columns))
        elif kind == "text":
            table = "no table"
        return {self.configs["port"]: table}
