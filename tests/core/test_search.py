"""Finding module types: what stands first in the palette."""

from __future__ import annotations

from pathlib import Path

from pypeline.core.search import rank, shelves
from pypeline.runner.registry import load


def test_the_palette_goes_from_where_tables_come_from_to_where_they_go_and_ends_with_control(tmp_path: Path) -> None:
    types = load(tmp_path)
    order = [*shelves(types.values())]
    assert order[0] == "File Sources"
    assert order.index("Rows") < order.index("File Sinks") < order.index("Control") < order.index("Notify")
    assert sorted(d.name for shelf in shelves(types.values()).values() for d in shelf) == sorted(types)


def test_a_name_that_begins_so_is_found_first(tmp_path: Path) -> None:
    assert next(d.name for d in rank("sort", load(tmp_path).values())) == "sort_mod"
