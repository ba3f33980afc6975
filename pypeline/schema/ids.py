"""The rule of ids: what a module id and a flow name may look like, and when two of them clash.

Ids become file names, column prefixes, environment keys and variable names on every system, so the
rule is narrow: NFC, a letter or ``_``, then letters, digits and ``_`` (flow names also ``-``), at
most 64 characters, no ``__`` (it parts a module from its variable), unlike every other id also when
case is ignored, and no device name of Windows. Ids with places in, problems out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem

MAX_LENGTH = 64
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))})


def check(flow: Flow) -> list[Problem]:
    """Every broken id rule of a Flow, with its marks' places."""
    marks = flow.marks
    found = name_problems(flow.flow.name, marks.place(("flow", "name")))
    places = ((module.id, marks.place(("modules", number, "id"), module=module.id)) for number, module in enumerate(flow.modules))
    return found + id_problems(places)


def name_problems(name: str, place: Place) -> list[Problem]:
    """What is wrong with a flow's name."""
    return _broken(name, place, "flow name", "-")


def id_problems(ids: Iterable[tuple[str, Place]]) -> list[Problem]:
    """What is wrong with module ids: each alone, and pairs that clash. Linear in their number."""
    found: list[Problem] = []
    first: dict[str, tuple[str, Place]] = {}
    for id, place in ids:
        found += _broken(id, place, "module id", "")
        key = folded(id)
        if key not in first:
            first[key] = (id, place)
            continue
        other, where = first[key]
        lines = f" (lines {where.line} and {place.line})" if where.line else ""
        if other == id:
            found.append(Problem("PYE206", f"two modules have the id `{id}`{lines}", place, "Rename one of them, and its links."))
        else:
            shown = " and ".join(f"`{_code_points(one)}`" for one in (other, id))
            message = f"ids clash after normalising: {shown}{lines}"
            found.append(Problem("PYE207", message, place, "Ids must differ by more than case or Unicode form."))
    return found


def folded(id: str) -> str:
    """The form in which two ids may not be equal."""
    return id.lower() if id.isascii() else unicodedata.normalize("NFC", unicodedata.normalize("NFC", id).casefold())


def _broken(id: str, place: Place, what: str, more: str) -> list[Problem]:
    return [Problem(code, message, place, mend) for code, message, mend in _rules(id, what, more)]


_PLAIN = re.compile(r"(?!.*__)[A-Za-z_][A-Za-z0-9_]{4,63}\Z")  # nothing to look at twice; no device name is that long


def _rules(id: str, what: str, more: str) -> tuple[tuple[str, str, str], ...]:
    """(code, message, mend) of every rule that ``id`` breaks alone; the first kind of wrong sign only."""
    rule = f"Use a letter or `_` first, then letters, digits, `_`{' or `-`' if more else ''}."
    if _PLAIN.match(id):
        return ()
    if not id:
        return (("PYE200", f"the {what} is empty", rule),)
    found: list[tuple[str, str, str]] = []
    hidden = [sign for sign in id if unicodedata.category(sign) in ("Cf", "Cc", "Zl", "Zp")]
    wrong = [sign for sign in id if not (_letter(sign) or sign.isdecimal() or sign in more)]
    shown = id if len(id) <= 40 else f"{id[:40]}…"
    if hidden:
        signs = ", ".join(dict.fromkeys(f"U+{ord(sign):04X} {unicodedata.name(sign, 'control character')}" for sign in hidden))
        found.append(("PYE203", f"{what} `{shown}` holds an invisible character: {signs}", "Remove it."))
    elif wrong:
        signs = ", ".join(f"`{sign}`" for sign in dict.fromkeys(wrong))
        found.append(("PYE200", f"{what} `{shown}` holds {signs}", rule))
    elif not _letter(id[0]) or unicodedata.category(id[0])[0] == "M":
        found.append(("PYE200", f"{what} `{shown}` begins with `{id[0]}`", rule))
    if len(id) > MAX_LENGTH:
        found.append(("PYE201", f"{what} `{shown}` has {len(id)} characters, more than {MAX_LENGTH}", "Shorten it."))
    if "__" in id:
        found.append(("PYE202", f"{what} `{shown}` holds `__`, which parts a module from its variable", "Use one `_`."))
    if id.casefold() in _DEVICES:
        found.append(("PYE204", f"{what} `{shown}` is a device name on Windows", "Choose another name."))
    composed = unicodedata.normalize("NFC", id)
    if composed != id and not hidden:
        message = f"{what} `{shown}` is not in Unicode form NFC ({_code_points(id)})"
        found.append(("PYE205", message, f"Type it again as `{composed}` ({_code_points(composed)})."))
    return tuple(found)


def _letter(sign: str) -> bool:
    # combining marks belong to the letters of many scripts, and NFC keeps some
    return sign == "_" or sign.isalpha() or unicodedata.category(sign) in ("Mn", "Mc")


def _code_points(id: str) -> str:
    """The id with every sign outside ASCII as its code point: two spellings that look the same differ here."""
    return "".join(sign if sign.isascii() else f"[U+{ord(sign):04X}]" for sign in id[:MAX_LENGTH])
