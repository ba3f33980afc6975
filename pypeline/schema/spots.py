"""Where values and keys stood in a text: a tree beside the data, walked only when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pypeline.schema.problems import Path


class Spot:
    """Where one value stood: itself, its key (for entries of a mapping), and the spots inside it."""

    __slots__ = ("column", "inner", "key_column", "key_line", "line")

    def __init__(self, line: int, column: int, key_line: int, key_column: int, inner: dict[str, Spot] | list[Spot] | None) -> None:
        self.line = line
        self.column = column
        self.key_line = key_line
        self.key_column = key_column
        self.inner = inner

    def at(self, path: Path) -> Spot | None:
        """The spot of ``path`` below this one, or None when it did not stand in the text."""
        spot: Spot | None = self
        for part in path:
            inner = spot.inner if spot is not None else None
            if isinstance(inner, dict):
                spot = inner.get(part)  # type: ignore[arg-type]
            elif isinstance(inner, list) and isinstance(part, int) and 0 <= part < len(inner):
                spot = inner[part]
            else:
                return None
        return spot

    @property
    def shown(self) -> tuple[int, int]:
        """The place to point at: the value where it begins beside its key, else the key."""
        if self.key_line and (self.line != self.key_line or self.inner is not None):
            return self.key_line, self.key_column
        return self.line, self.column


class SpotPaths(Mapping[Path, tuple[int, int]]):
    """Spots as a mapping path → (line, column); a look-up walks the tree, nothing is copied."""

    __slots__ = ("of_keys", "root")

    def __init__(self, root: Spot, of_keys: bool = False) -> None:
        self.root = root
        self.of_keys = of_keys

    def __getitem__(self, path: Path) -> tuple[int, int]:
        spot = self.root.at(path)
        if spot is None:
            raise KeyError(path)
        return (spot.key_line, spot.key_column) if self.of_keys and spot.key_line else spot.shown

    def __iter__(self) -> Iterator[Path]:
        waiting: list[tuple[Path, Spot]] = [((), self.root)]
        while waiting:
            path, spot = waiting.pop()
            yield path
            if isinstance(spot.inner, dict):
                waiting.extend(((*path, key), below) for key, below in spot.inner.items())
            elif spot.inner is not None:
                waiting.extend(((*path, number), below) for number, below in enumerate(spot.inner))

    def __len__(self) -> int:
        return sum(1 for _ in self)
