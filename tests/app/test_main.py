"""The command line's door: help, unknown words, exit codes, broken pipes, what it may import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pypeline.app.cli.main import COMMANDS, overview
from pypeline.app.cli.parser import Parser
from pypeline.schema.codes import CODES
from tests.app.conftest import Pype

NAMES = {name: command for group in COMMANDS.values() for name, command in group.items()}
HEAVY = ("pydantic", "yaml", "pandas", "duckdb", "pyarrow", "dask", "networkx", "sqlglot", "asyncio", "numpy")


def loaded_by(*words: str) -> set[str]:
    """The heavy packages that a `pype` process with these words loads."""
    program = (
        "import sys\n"
        "from pypeline.app.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_help_names_every_command_and_the_exit_codes(pype: Pype) -> None:
    done = pype("--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in NAMES)
    assert "Exit codes" in done.stdout
    assert pype().stdout == done.stdout == overview() + "\n"


def test_help_and_explain_import_nothing_heavy() -> None:
    assert loaded_by("--help") == set()
    assert loaded_by("--version") == set()
    assert loaded_by("explain", "PYE480") == set()


def test_validate_imports_no_engine_and_no_loop() -> None:
    sample = Path(__file__).parents[1] / "flows" / "sample_etl.yaml"
    assert loaded_by("validate", str(sample)) <= {"pydantic", "yaml", "sqlglot"}


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself(name: str) -> None:
    command = import_module(f"pypeline.app.cli.{NAMES[name].module}")
    parser = Parser(prog=f"pype {name}")
    command.arguments(parser)
    text = parser.format_help()
    assert "-h, --help" in text
    assert max(map(len, text.splitlines())) <= 140
    undocumented = [action.dest for action in parser._actions if not action.help]
    assert undocumented == []


def test_version(pype: Pype) -> None:
    assert pype("--version").stdout == f"pype {import_module('pypeline').__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["valdate"], "there is no command `valdate`. Did you mean `validate`?"),
        (["explain", "--jsn"], "`--jsn` is not understood here. Did you mean `--json`?"),
        (["validate"], "the following arguments are required: FLOW. See `pype validate --help`."),
        (["run", "f.yaml", "--set", "x"], "`x` should read name=value"),
        (["new", "x", "y"], "`y` is not understood here"),
    ],
)
def test_words_that_are_not_understood(pype: Pype, words: list[str], said: str) -> None:
    done = pype(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("PYE481 pype")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_explain(pype: Pype) -> None:
    done = pype("explain", "pye100")
    assert done.returncode == 0
    assert CODES["PYE100"].mend in done.stdout
    assert len(json.loads(pype("explain", "--json").stdout)) == len(CODES)
    wrong = pype("explain", "PYE4810")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("PYE489 ")


def test_a_bug_exits_3_with_its_details_in_a_private_file(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "import pypeline.app.cli.explain as explain\n"
        "from pypeline.app.cli.main import main\n"
        "explain.run = lambda options: 1 / 0\n"
        "sys.exit(main(['explain', '--set', 'password=hunter2', 'PYE100'][:1] + ['PYE100']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert done.returncode == 3
    assert done.stderr.startswith("PYE480 pype ZeroDivisionError: division by zero.")
    assert "Traceback" not in done.stderr
    (details,) = tmp_path.glob("pype-error-*.txt")
    assert str(details) in done.stderr
    assert "ZeroDivisionError" in details.read_text()
    assert details.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_the_caller_has_closed(tmp_path: Path, closed: str) -> None:
    (tmp_path / "f.yaml").write_text("")
    (tmp_path / "good.yaml").write_text("flow: {name: a}\nmodules: [{id: w, name: warn, configs: {required: {message: x}}}]\n")
    for words, code in (("--help", 0), ("validate f.yaml", 2), ("run good.yaml", 0)):
        command = f"'{sys.executable}' -m pypeline.app.cli.main {words} {closed}"
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert "Traceback" not in done.stderr


def test_what_the_system_refuses_is_no_bug_of_ours(tmp_path: Path) -> None:
    full = subprocess.run(["bash", "-c", f"'{sys.executable}' -m pypeline.app.cli.main --help > /dev/full"], capture_output=True, text=True, check=False)
    assert (full.returncode, full.stderr.partition(":")[0]) == (2, "PYE493 pype standard output or a file cannot be written")
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f"cd '{gone}' && rmdir '{gone}' && '{sys.executable}' -m pypeline.app.cli.main runs"
    left = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert (left.returncode, left.stderr[:53]) == (2, "PYE493 pype the current folder is not there any more.")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"'{sys.executable}' -m pypeline.app.cli.main explain --json | head -c 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_colour_without_a_terminal_and_colour_with_one(pype: Pype) -> None:
    assert "\x1b" not in pype("explain", "PYE100").stdout
    script = f"{sys.executable} -m pypeline.app.cli.main explain PYE100"
    plain = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
    shown = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, env=plain, check=True)
    assert "\x1b[1mPYE100" in shown.stdout
    without = subprocess.run(["script", "-qec", script, "/dev/null"], capture_output=True, text=True, env={**plain, "NO_COLOR": "1"}, check=True)
    assert "\x1b" not in without.stdout


def test_an_old_locale_shows_what_it_can(pype: Pype) -> None:
    done = pype("--help", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "\\u2026" in done.stdout
