"""YAML syntax errors in our words: what a person did, where it began, and how to mend it.

A scanner reports where it gave up; people need the place of the mistake. A TAB in the indentation
and a quote that was never closed are found here from the scanner's report and the text.
"""

from __future__ import annotations

from typing import Any

from pypeline.schema.problems import Place, Problem

# part of the scanner's words → (what is wrong, how to mend it)
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("mapping values are not allowed", "a `:` stands where no key can be", "Quote the text that holds `: `, or check the indentation of this line."),
    ("expected ',' or ']'", "a list opened with `[` is not closed", "Close it with `]`, and separate its items by commas."),
    ("expected ',' or '}'", "a mapping opened with `{` is not closed", "Close it with `}`, and separate its entries by commas; quote text that holds {{…}}."),
    ("unknown escape character", "unknown escape after `\\` in a double-quoted text", "Use single quotes, or write the backslash twice."),
    ("could not find expected ':'", "a key without `:`", "Write `key: value`, or check the indentation of this line."),
    ("expected key", "the indentation fits no key above", "Give all keys of one mapping the same indentation."),
    ("expected '-' indicator", "the indentation fits no list item above", "Give all items of one list the same indentation."),
    ("block sequence entries are not allowed", "a list item `- ` stands where none can be", "Begin the list on a line of its own."),
    ("invalid Unicode character escape", "an escape that stands for no character", "Write the character itself."),
    ("undefined tag handle", "a tag is not allowed", "Remove it; quote a text that begins with `!`."),
    ("undefined alias", "an alias without an anchor", "Quote a text that begins with `*`."),
    ("document start", "text after the end of the flow", "Check the indentation of this line; one flow per file."),
    ("expected node content", "a value is missing", "Write a value here, or close the bracket."),
    ("simple key", "a key without `:`", "Write `key: value`, or check the indentation of this line."),
    ("alphabetic or numeric", "`*` and `&` cannot begin a text", "Quote the text."),
)


def syntax_problem(error: Any, text: str, file: str, quoted: Any = None) -> Problem:
    """The Problem of a ``yaml.YAMLError``. ``quoted`` is the last quoted scalar that spans lines, or None."""
    mark: Any = getattr(error, "problem_mark", None)
    context_mark: Any = getattr(error, "context_mark", None) or mark
    words = str(getattr(error, "problem", None) or error)
    if mark is None:
        return Problem("PYE107", f"not valid YAML ({words})", Place(file), "Check the file in a text editor.")

    tab = _tab_in_indentation(text, mark.line)
    if tab is not None:
        return Problem("PYE108", f"TAB used for indentation, line {mark.line + 1}", Place(file, mark.line + 1, tab + 1), "Use spaces.")
    if "quoted scalar" in str(getattr(error, "context", None) or "") and "unexpected" in words:
        return _open_quote(context_mark, file)
    if quoted is not None and quoted.end_mark.line == mark.line:
        return _open_quote(quoted.start_mark, file)

    place = Place(file, mark.line + 1, mark.column + 1)
    for part, message, mend in _WORDS:
        if part in words:
            if "is not closed" in message:
                place = Place(file, context_mark.line + 1, context_mark.column + 1)
            return Problem("PYE107", message, place, mend)
    if "cannot start any token" in words:
        sign = _character(text, mark.line, mark.column)
        return Problem("PYE107", f"`{sign}` cannot begin a text", place, "Quote the text.")
    return Problem("PYE107", f"not valid YAML: {words}", place, "Check the quotes, brackets and indentation of this line.")


def _open_quote(mark: Any, file: str) -> Problem:
    place = Place(file, mark.line + 1, mark.column + 1)
    return Problem("PYE109", f"the quote opened at line {mark.line + 1} is not closed", place, "Close it on the line where the text ends.")


def _line(text: str, line: int) -> str:
    lines = text.splitlines()
    return lines[line] if line < len(lines) else ""


def _tab_in_indentation(text: str, line: int) -> int | None:
    """The 0-based column of a TAB among the blanks that begin this line."""
    shown = _line(text, line)
    blanks = shown[: len(shown) - len(shown.lstrip(" \t"))]
    return blanks.index("\t") if "\t" in blanks else None


def _character(text: str, line: int, column: int) -> str:
    shown = _line(text, line)
    return shown[column] if column < len(shown) else ""
