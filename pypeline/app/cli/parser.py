"""The argument parser of a command: argparse, with our kind of error and a plain layout.

In: words of the command line. Out: a namespace, or a problem with a code like every other.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any, NoReturn

from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean


class Parser(argparse.ArgumentParser):
    """Raises :class:`PypeError` instead of ending the process with a usage dump."""

    def __init__(self, **more: Any) -> None:
        super().__init__(formatter_class=_format, allow_abbrev=False, add_help=False, **more)
        self.add_argument("-h", "--help", action="help", help="show this help")

    def error(self, message: str) -> NoReturn:
        raise PypeError(usage(self.prog, message))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            raise PypeError(usage(self.prog, f"`{rest[0]}` is not understood here", did_you_mean(rest[0].split("=")[0], self._option_string_actions)))
        return found, rest

    def epilog_example(self, *lines: str) -> None:
        """Show ``lines`` as examples below the options."""
        self.epilog = "examples:\n" + "\n".join(f"  {line}" for line in lines) + f"\n\n{self.epilog or ''}"


def usage(program: str, message: str, hint: str = "") -> Problem:
    """The problem of a command line that cannot be understood."""
    mend = " ".join(part for part in (hint[:1].upper() + hint[1:], f"See `{program} --help`.") if part)
    return Problem("PYE481", message, Place(file=program), mend)


def _format(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=min(shutil.get_terminal_size((100, 24)).columns, 110))


def name_and_value(text: str) -> tuple[str, Any]:
    """``name=value`` of ``--set``; the value as a YAML scalar would read: number, true, false, null, else text.

    Raises:
        argparse.ArgumentTypeError: no ``=``, or no name.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(f"`{text}` should read name=value")
    return name.strip(), scalar(value)


def scalar(text: str) -> Any:
    """A JSON scalar as written, anything else as text."""
    import json

    def word(_name: str) -> NoReturn:
        raise ValueError  # NaN and Infinity are no JSON: text

    try:
        value = json.loads(text, parse_constant=word)
    except ValueError:
        return text
    return value if not isinstance(value, (dict, list)) else text


def with_context(parser: argparse.ArgumentParser) -> None:
    """The options that choose values of context variables."""
    parser.add_argument("--context", metavar="ENV", default="default", help="values from context/NAME_ENV.json over the default ones")
    parser.add_argument("--set", metavar="NAME=VALUE", action="append", type=name_and_value, default=[], help="one context value; wins over every file")


def with_json(parser: argparse.ArgumentParser, what: str = "the result") -> None:
    """The option for programs."""
    parser.add_argument("--json", action="store_true", help=f"{what} as JSON on standard output")


def sets(options: argparse.Namespace) -> dict[str, Any]:
    """The values given with ``--set``; the last of a name wins."""
    pairs: Sequence[tuple[str, Any]] = options.set
    return dict(pairs)
