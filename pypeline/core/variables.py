"""Variables: the ``{{…}}`` references of the flow language, found, checked in form, and filled in.

``{{context.name}} {{module__Var}} {{iter.column}} {{iter.index}} {{run.id}} {{env.NAME}}
{{vault:path#key}}`` — names only. Filling in is one pass: a value is never looked at again, so a
value that holds ``{{…}}`` stays as it is. Where values come from is others' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pypeline.core.texterror import TextError
from pypeline.schema.problems import did_you_mean
from pypeline.schema.record import record

Kind = Literal["context", "global", "iter", "run", "env", "vault"]

_NAME = r"[^\W\d]\w*"
_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("context", re.compile(rf"context\.({_NAME})")),
    ("iter", re.compile(rf"iter\.({_NAME})")),
    ("run", re.compile(r"run\.(id)")),
    ("env", re.compile(r"env\.([A-Za-z_][A-Za-z0-9_]*)")),
    ("vault", re.compile(r"vault:([\w./-]+#[\w.-]+)")),
    ("global", re.compile(r"([^\W\d](?:(?!__)\w)*__\w+)")),
)
FORMS = "`{{context.name}}`, `{{moduleid__Var}}`, `{{iter.column}}`, `{{iter.index}}`, `{{run.id}}`, `{{env.NAME}}` and `{{vault:path#key}}`"


class VariableError(TextError):
    """A reference is misspelled, or has no value."""


@record
class Reference:
    """One ``{{…}}``. ``name`` is what follows the kind (``a`` of ``context.a``, ``path#key`` of a
    vault, the whole ``module__Var`` of a global); ``start`` and ``end`` bound it in its text."""

    kind: Kind
    name: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """The text inside the braces, without blanks: what values are keyed by."""
        if self.kind == "global":
            return self.name
        return f"{self.kind}:{self.name}" if self.kind == "vault" else f"{self.kind}.{self.name}"

    @property
    def module(self) -> str:
        """The module id of a global, else ``""``."""
        return self.name.partition("__")[0] if self.kind == "global" else ""

    @property
    def variable(self) -> str:
        """The variable's own name of a global, else ``""``."""
        return self.name.partition("__")[2] if self.kind == "global" else ""


def reference(inside: str, start: int = 0, end: int = 0) -> Reference:
    """The reference that ``inside`` (the text between the braces) spells.

    Raises:
        VariableError: it is no name of a known form.
    """
    text = inside.strip()
    for kind, form in _FORMS:
        found = form.fullmatch(text)
        if found:
            return Reference(kind, found[1], start, end)
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    hint = f"Write `{{{{context.{text}}}}}` for a context variable." if re.fullmatch(_NAME, text) else f"The forms are {FORMS}."
    raise VariableError("PYE240", f"only names are allowed in {{{{ }}}}, and `{shown}` is none", start, hint)


def find(text: str) -> list[Reference]:
    """All references in ``text``, in order.

    Raises:
        VariableError: a reference is no name, or its braces are never closed.
    """
    found = []
    at = text.find("{{")
    while at >= 0:
        close = text.find("}}", at + 2)
        if close < 0:
            raise VariableError("PYE241", "`{{` is never closed", at, "Close it with `}}`, or take it out.")
        found.append(reference(text[at + 2 : close], at, close + 2))
        at = text.find("{{", close + 2)
    return found


def value_of(ref: Reference, values: Mapping[str, Any]) -> Any:
    """The value of ``ref`` in ``values`` (by :attr:`Reference.key`; globals case-insensitively).

    Raises:
        VariableError: there is none.
    """
    if ref.key in values:
        return values[ref.key]
    if ref.kind == "global":
        wanted = ref.key.casefold()
        for key, value in values.items():
            if key.casefold() == wanted:
                return value
    raise unknown(ref, values)


def unknown(ref: Reference, known: Mapping[str, Any] | tuple[str, ...]) -> VariableError:
    """The error for a reference that nothing defines; names what is ``known`` (keys)."""
    return VariableError("PYE242", f"unknown variable `{{{{{ref.key}}}}}`", ref.start, _capital(did_you_mean(ref.key, known)) or "No variable is known here.")


def substitute(text: str, values: Mapping[str, Any]) -> Any:
    """``text`` with every reference replaced by its value; a text that is one reference and nothing
    else gives the value itself, with its type.

    Raises:
        VariableError: a reference is misspelled or has no value.
    """
    refs = find(text)
    if len(refs) == 1 and refs[0].start == 0 and refs[0].end == len(text):
        return value_of(refs[0], values)
    return joined(text, refs, [as_text(value_of(ref, values)) for ref in refs])


def filled(text: str, values: Mapping[str, Any]) -> str:
    """``text`` with every reference replaced by its value as text, also where it is one reference only.

    Raises:
        VariableError: a reference is misspelled or has no value.
    """
    refs = find(text)
    return joined(text, refs, [as_text(value_of(ref, values)) for ref in refs])


def as_text(value: Any) -> str:
    """``value`` as it reads inside a longer text: ``true``/``false``, nothing for null, a list's items
    with commas between, else ``str``."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(as_text(item) for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def joined(text: str, refs: list[Reference], words: list[str]) -> str:
    """``text`` with each of ``refs`` replaced by the word of the same place in ``words``."""
    parts, at = [], 0
    for ref, word in zip(refs, words, strict=True):
        parts += [text[at : ref.start], word]
        at = ref.end
    return "".join([*parts, text[at:]])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
