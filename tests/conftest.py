"""For all tests: the seconds that each room's tests took, and Qt's settings where pytest-qt is not loaded."""

from __future__ import annotations

import signal
from collections import defaultdict
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    # a headless run leaves pytest-qt out (it needs Qt's system libraries); its settings stay known
    if not pluginmanager.hasplugin("pytest-qt"):
        parser.addini("qt_api", "Qt binding")
        parser.addini("qt_log_level_fail", "level of Qt messages that fails a test")


def pytest_configure(config: pytest.Config) -> None:
    # what is started in the background or by nohup has these ignored, and so would the runs that tests stop by them
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    seconds: dict[str, float] = defaultdict(float)
    count: dict[str, int] = defaultdict(int)
    for reports in terminalreporter.stats.values():
        for report in reports:
            where = str(getattr(report, "nodeid", "")).split("::")[0].split("/")
            if len(where) < 3 or not hasattr(report, "duration"):
                continue
            seconds[where[1]] += report.duration
            count[where[1]] += report.when == "call"
    if len(seconds) > 1:
        terminalreporter.section("seconds of each room's tests")
        for room in sorted(seconds, key=lambda r: -seconds[r]):
            terminalreporter.line(f"{room:12} {count[room]:5d} tests {seconds[room]:8.1f} s")
