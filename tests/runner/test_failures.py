"""An exception as data: the message names the line in the user's own code."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from pypeline.runner.failures import describe


def raised(file: Path) -> BaseException:
    try:
        runpy.run_path(str(file))
    except Exception as error:
        return error
    raise AssertionError("it did not fail")


def test_the_line_is_the_users_not_the_librarys(tmp_path: Path) -> None:
    file = tmp_path / "mods" / "x.py"
    file.parent.mkdir()
    file.write_text("import json\n\njson.loads('{')\n")
    told = describe(raised(file), "x")
    assert told.code == "PYE459"
    assert told.message.startswith("JSONDecodeError: Expecting property name")
    assert told.message.endswith(" in line 3 of `mods/x.py`")
    assert "Traceback" in told.detail


def test_code_of_a_flow_is_named_as_such() -> None:
    with pytest.raises(TypeError) as caught:
        exec(compile("x = 1\nx['a']", "<code>", "exec"), {})
    assert describe(caught.value).message == "TypeError: 'int' object is not subscriptable in line 2 of the code"


def test_a_failure_within_a_library_names_no_line() -> None:
    assert describe(OSError("no room")).message == "OSError: no room"
