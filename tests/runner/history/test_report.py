"""The report: whole, self-contained, and inert whatever stands in a run's records."""

from __future__ import annotations

import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pypeline.runner.history import report
from pypeline.runner.history.markup import Markup, tag, text
from tests.runner.history.bundles import attempt

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><script src=//x>",
    "javascript:alert(1)",
    "\u202egnp.exe\x1b]0;pwn\x07",
    "</style><style>*{}",
)


class Page(HTMLParser):
    """What a browser would see: elements, attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_failure_comes_first_with_its_place_and_mend(tmp_path: Path) -> None:
    path = report.write(attempt(tmp_path, failed=True))
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    said = " ".join(page.words)
    order = [
        said.index(words)
        for words in ("What failed", "disk full", "Mend: disk full", "What to do next", "pype explain PYE503", "The flow", "Tasks over time", "Modules")
    ]
    assert order == sorted(order)
    assert "write (csv_sink) after 2 tries" in said
    assert "67,663" in said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.glob("report*")] == ["report.html"]


def test_a_good_run_has_no_failures_and_names_what_was_rejected(tmp_path: Path) -> None:
    said = " ".join(Page(report.write(attempt(tmp_path)).read_text(encoding="utf-8")).words)
    assert "What failed" not in said
    assert "Look at the 12 rejected rows" in said
    assert "2 of 2" in said


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_texts_stay_text(tmp_path: Path, name: str) -> None:
    calm = Page(report.write(attempt(tmp_path / "calm", failed=True)).read_text(encoding="utf-8"))
    html = report.write(attempt(tmp_path / "wild", flow=name, source=f"a {name}", sink=f"b {name}", text=name, failed=True)).read_text(encoding="utf-8")
    page = Page(html)
    assert page.elements == calm.elements
    assert "script" not in page.elements
    assert [key for key, _ in page.attributes] == [key for key, _ in calm.attributes]
    assert not [key for key, _ in page.attributes if key.startswith("on") or key in {"href", "src"}]
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
    assert not [c for c in html if not c.isprintable() and c != "\n"]
    assert page.open == []


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    html = report.write(attempt(tmp_path)).read_text(encoding="utf-8")
    assert "url(#pype-" in html
    for outside in ("url(http", "@import", "src=", "href=", "//cdn"):
        assert outside not in html
    assert html.count("http") == html.count("http-equiv") + html.count("http://www.w3.org/2000/svg")


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    folder = attempt(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (folder / "report.html.new").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        report.write(folder)
    assert victim.read_text() == "mine"


def test_a_run_without_a_plan_still_has_a_report(tmp_path: Path) -> None:
    folder = attempt(tmp_path, failed=True)
    (folder / "plan.json").unlink()
    (folder / "summary.json").unlink()
    said = " ".join(Page(report.write(folder).read_text(encoding="utf-8")).words)
    assert "What failed" in said
    assert "The flow" not in said


def test_markup_escapes_all_that_it_did_not_make() -> None:
    assert tag("p", "<b>", tag("i", "&"), 3, None, class_='"x"') == '<p class="&quot;x&quot;">&lt;b&gt;<i>&amp;</i>3</p>'
    assert text(Markup("<b>")) == "<b>"
    assert tag("meta", http_equiv="x") == '<meta http-equiv="x">'


def test_flows_that_the_run_ran_are_listed_the_failed_ones_first(tmp_path: Path) -> None:
    outer = attempt(tmp_path)
    assert "Flows it ran" not in report.write(outer).read_text()
    (outer / "children").mkdir()
    for name, failed in (("part-0-t1", False), ("part-1-t1", True)):
        attempt(tmp_path / "elsewhere" / name, flow="clean", failed=failed).rename(outer / "children" / name)
    html = report.write(outer).read_text()
    assert "Flows it ran" in html
    assert html.index("/1/part-1-t1") < html.index("/1/part-0-t1")
