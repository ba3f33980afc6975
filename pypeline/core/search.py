"""Finding a module type by a few letters: names, titles, categories and descriptions, best first."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.core.modules import ModuleDecl

_KIND_ORDER = {"source": 0, "mod": 1, "sink": 2, "solo": 3}


def score(text: str, decl: ModuleDecl) -> int:
    """How well ``text`` finds ``decl``: higher is better, 0 is not at all."""
    wanted = text.casefold().split()
    if not wanted:
        return 1
    name, title = decl.name.casefold(), decl.title.casefold()
    rest = f"{decl.category} {decl.description}".casefold()
    total = 0
    for word in wanted:
        if name.startswith(word) or title.startswith(word):
            found = 100
        elif any(part.startswith(word) for part in (*name.split("_"), *title.split())):
            found = 80
        elif word in name or word in title:
            found = 60
        elif any(part.startswith(word) for part in rest.split()):
            found = 30
        elif _letters(word, name):
            found = 20
        else:
            return 0
        total += found
    return total


def rank(text: str, types: Iterable[ModuleDecl]) -> list[ModuleDecl]:
    """The types that ``text`` finds, best first; equals by kind (sources first) and name."""
    scored = [(score(text, decl), decl) for decl in types]
    hits = [(points, decl) for points, decl in scored if points]
    return [decl for _, decl in sorted(hits, key=lambda x: (-x[0], _KIND_ORDER[x[1].kind], x[1].name))]


def shelves(types: Iterable[ModuleDecl]) -> dict[str, list[ModuleDecl]]:
    """All types by category: first where tables come from, then what changes them, where they go, and control. A
    category stands where the last kind that it holds belongs, and before its equals if it holds more."""
    found: dict[str, list[ModuleDecl]] = {}
    for decl in rank("", types):
        found.setdefault(decl.category, []).append(decl)
    return dict(sorted(found.items(), key=lambda shelf: (max(_KIND_ORDER[d.kind] for d in shelf[1]), -len(shelf[1]), shelf[0])))


def _letters(word: str, text: str) -> bool:
    """Whether the letters of ``word`` stand in ``text`` in order."""
    place = 0
    for letter in word:
        place = text.find(letter, place) + 1
        if not place:
            return False
    return True
