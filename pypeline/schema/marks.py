"""Where each key of a flow file stood in its text."""

from __future__ import annotations

from collections.abc import Mapping

from pypeline.schema.problems import Path, Place


class Marks:
    """Where each key path stood in the text (1-based line, column). Never part of a comparison."""

    __slots__ = ("at", "file", "keys")

    def __init__(self, file: str = "", at: Mapping[Path, tuple[int, int]] | None = None, keys: Mapping[Path, tuple[int, int]] | None = None) -> None:
        self.file = file
        # scalars: where the value stands; sections: where their key does
        self.at: Mapping[Path, tuple[int, int]] = at if at is not None else {}
        # where the key itself stands
        self.keys: Mapping[Path, tuple[int, int]] = keys if keys is not None else self.at

    def place(self, path: Path, module: str = "", link: str = "") -> Place:
        """The place of ``path``, or of its nearest parent that stood in the text."""
        return self._place(self.at, path, module, link)

    def key_place(self, path: Path, module: str = "", link: str = "") -> Place:
        """The place of the last key of ``path``, not of its value."""
        return self._place(self.keys, path, module, link)

    def _place(self, spots: Mapping[Path, tuple[int, int]], path: Path, module: str, link: str) -> Place:
        short = path
        while short and short not in spots:
            short = short[:-1]
        line, column = spots.get(short, (0, 0))
        return Place(self.file, line, column, path, module, link)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks)

    def __hash__(self) -> int:
        return 0
