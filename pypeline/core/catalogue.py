"""The catalogue: every module type known to this project, as frozen data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from types import MappingProxyType

from pypeline.core.modules import ModuleDecl
from pypeline.schema.record import record


@record
class Catalogue(Mapping[str, ModuleDecl]):
    """Type name → declaration. Iterates in name order."""

    types: Mapping[str, ModuleDecl] = field(default_factory=lambda: MappingProxyType({}))

    def __getitem__(self, name: str) -> ModuleDecl:
        return self.types[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.types))

    def __len__(self) -> int:
        return len(self.types)
