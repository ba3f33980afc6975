"""`pype`: finds the command, runs it, and turns whatever goes wrong into lines for a person.

One command is one file beside this one, imported only when it is the one asked for, so that
`pype --help` costs next to nothing. A command module has ``arguments(parser)`` and
``run(options) -> int`` (the exit code).
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NamedTuple, NoReturn

OK, FAILED, BAD_INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130


class Command(NamedTuple):
    """Where a command lives, and the one line that says what it does."""

    module: str
    help: str


COMMANDS: dict[str, dict[str, Command]] = {
    "Make and check a flow": {
        "designer": Command("designer", "open the window: draw, run and watch a flow"),
        "new": Command("new", "write a small flow to start from"),
        "validate": Command("validate", "check a flow without running it"),
        "plan": Command("plan", "show what a run would do, and why"),
        "schema": Command("schema", "columns of every port, or the JSON Schema of flow files"),
        "preview": Command("preview", "first rows of a link or port, without a run"),
        "picture": Command("picture", "draw a flow as SVG or PNG"),
    },
    "Run": {
        "run": Command("run", "run a flow file or a built job"),
        "build": Command("build", "make a job folder that runs by itself"),
        "demo": Command("demo", "make a sample project and run it"),
    },
    "Look back": {
        "runs": Command("runs", "list the runs of a project"),
        "show": Command("show", "what one run did: modules, rows, seconds"),
        "report": Command("report", "the HTML report of a run"),
    },
    "Module types": {
        "list-modules": Command("list_modules", "module types that this project knows"),
        "describe": Command("describe", "ports and options of one module type"),
        "register-module": Command("register_module", "make a module of your own known to the project"),
        "auto-register": Command("auto_register", "register all modules in the project's folders"),
        "clear-registry": Command("clear_registry", "forget the registered modules"),
    },
    "Help": {
        "explain": Command("explain", "what an error code means and how to mend it"),
    },
}

EXIT_CODES = "Exit codes: 0 good · 1 the run failed · 2 bad input · 3 a bug in PYpeline · 130, 143 stopped by Ctrl-C, TERM."


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    hold_streams()
    for stream in (sys.stdout, sys.stderr):
        # a terminal in an old locale shows what it can instead of failing on a wide character
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    code = OK
    try:
        code = dispatch(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # whoever read us (`| head`) has seen enough; Python must not complain again at exit
        from pypeline.app.cli.output import silence_output

        silence_output()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from pypeline.app.cli.failure import failed

        return failed(error, words)
    return code


def start() -> None:
    """The program: :func:`main`, and the quick way out."""
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # until a run listens itself nothing is written that would have to be closed
        if signal.getsignal(sign) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(sign, _stopped)
    code = main()
    from pypeline.runner.leaving import leave

    leave(code)


def _stopped(sign: int, _frame: object) -> NoReturn:
    # an exception could come up anywhere, also where Python or a library drops it or makes another one of it
    try:
        if sign == signal.SIGINT:
            os.write(2, b"\nstopped\n")
    finally:
        os._exit(128 + sign)


def hold_streams() -> None:
    """Give the streams that the caller has closed (`>&-`) a place to go: else the next file that is
    opened would get their numbers, and what is printed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def dispatch(words: list[str]) -> int:
    """Find the command in ``words`` and run it.

    Raises:
        PypeError: there is no such command, or it does not know an option.
    """
    if not words or words in (["-h"], ["--help"], ["help"]):
        print(overview())
        return OK
    if words[0] in ("-V", "--version"):
        from importlib import import_module

        print(f"pype {import_module('pypeline').__version__}")
        return OK
    name, rest = (words[1], ["--help"]) if words[0] == "help" else (words[0], words[1:])
    commands = {name: command for group in COMMANDS.values() for name, command in group.items()}
    if name not in commands:
        from pypeline.app.cli.failure import unknown_command

        raise unknown_command(name, commands)
    from importlib import import_module

    from pypeline.app.cli.parser import Parser
    from pypeline.schema import collection

    collection.loading()
    command = import_module(f"pypeline.app.cli.{commands[name].module}")
    parser = Parser(prog=f"pype {name}", description=sentence(commands[name].help), epilog=EXIT_CODES)
    command.arguments(parser)
    code: int = command.run(parser.parse_args(rest))
    return code


def overview() -> str:
    """What `pype --help` prints."""
    lines = ["pype: draw data flows, keep them as YAML, run them anywhere.", "", "  pype COMMAND …        pype COMMAND --help", ""]
    for title, commands in COMMANDS.items():
        lines.append(title)
        lines += [f"  {name:16} {command.help}" for name, command in commands.items()]
        lines.append("")
    lines += ["Start with: pype demo", EXIT_CODES]
    return "\n".join(lines)


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    start()
