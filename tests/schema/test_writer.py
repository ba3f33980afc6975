"""The byte-preserving writer: nothing edited, nothing changed; one edit, one small difference; always exact."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pypeline.schema.flow import Canvas, Configs, Connections, ControlLink, DataLink, Flow, Module, Settings
from pypeline.schema.plain import plain
from pypeline.schema.problems import PypeError
from pypeline.schema.reader import parse, read, read_file
from pypeline.schema.scalars import same
from pypeline.schema.writer import dump, patch, write
from tests.schema.making import NASTY, flows

FORMATS = Path(__file__).parent / "formats"
EVERY_KEY = (FORMATS / "format_1.yaml").read_text(encoding="utf-8")
SAMPLE = (FORMATS / "unversioned.yaml").read_text(encoding="utf-8")

UNINDENTED = """\
# by hand
flow: {name: by_hand,   # short
       version: "2"}
modules:
# the first
-   id: a
    name: b
    configs: {required: {x: [1, 2,
      3], y: null}}
-
    # the second
    id: c
    name: d
connections:
  data: ["a.data - c.input"]   # one
  control:

canvas: {modules: {a: [0, 0], c: [8,8]}}
"""
COMMENTS = ("# every key of the language, once", "# the work", "# where it begins", "# not guessed", "# all of them")


def flow_of(text: str) -> Flow:
    result = read(text)
    assert result.flow is not None, result.problems
    return result.flow


def changed(model: Any, **fields: Any) -> Any:
    return model.model_copy(update=fields)


def edited(flow: Flow, number: int, **fields: Any) -> Flow:
    modules = list(flow.modules)
    modules[number] = changed(modules[number], **fields)
    edited: Flow = changed(flow, modules=tuple(modules))
    return edited


def difference(before: str, after: str) -> tuple[list[str], list[str]]:
    """The lines that went and the lines that came."""
    lines = list(difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True)))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def patched(text: str, new: Flow, base: Flow | None = None) -> str:
    result = patch(text, base or flow_of(text), new)
    assert not result.whole
    back, _ = parse(result.text)
    assert back is not None
    assert same(plain(back), plain(new))
    return result.text


VARIANTS = {
    "as written": lambda text: text,
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "BOM": lambda text: "\ufeff" + text,
    "no final line end": lambda text: text.rstrip("\n"),
    "BOM, CRLF, no final line end": lambda text: "\ufeff" + text.replace("\n", "\r\n").rstrip("\r\n"),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("text", [EVERY_KEY, SAMPLE], ids=["every key", "sample"])
class TestEveryVariant:
    def test_open_and_save_gives_the_same_bytes(self, text: str, variant: str, tmp_path: Path) -> None:
        data = VARIANTS[variant](text).encode()
        (tmp_path / "flow.yaml").write_bytes(data)
        result = read_file(tmp_path / "flow.yaml")
        assert result.flow is not None
        assert write(result.text, result.flow, flow_of(result.text)).encode() == data

    def test_a_changed_value_is_one_changed_line(self, text: str, variant: str) -> None:
        text = VARIANTS[variant](text)
        new = changed(flow := flow_of(text), settings=changed(flow.settings, threads=3))
        gone, come = difference(text, patched(text, new))
        assert (len(gone), len(come)) == (1, 1)
        assert gone[0].replace("8", "3") == come[0]

    def test_an_added_module_is_one_block(self, text: str, variant: str) -> None:
        text = VARIANTS[variant](text)
        flow = flow_of(text)
        module = Module(id="added", name="sort_mod", configs=Configs(required={"by": ["a", "b"]}))
        new = changed(flow, modules=(*flow.modules[:1], module, *flow.modules[1:]))
        gone, come = difference(text, patched(text, new))
        assert gone == []
        assert [line.strip() for line in come if line.strip()] == ["- id: added", "name: sort_mod", "configs:", "required:", "by: [a, b]"]
        assert all(line.endswith("\r\n") == ("\r\n" in text) for line in come)

    def test_an_added_and_a_removed_link_are_one_line(self, text: str, variant: str) -> None:
        text = VARIANTS[variant](text)
        flow = flow_of(text)
        link = DataLink(source="a", source_port="data", target="b", target_port="input")
        links = changed(flow.connections, data=(*flow.connections.data, link))
        gone, come = difference(text, patched(text, changed(flow, connections=links)))
        assert gone == []
        assert [line.strip() for line in come] == ['- "a.data - b.input"']
        links = changed(flow.connections, data=flow.connections.data[1:])
        gone, come = difference(text, patched(text, changed(flow, connections=links)))
        assert (len(gone), come) == (1, [])

    def test_a_last_section_can_be_added(self, text: str, variant: str) -> None:
        text = VARIANTS[variant](text)
        flow = flow_of(text)
        canvas = Canvas(modules={**flow.canvas.modules, "added": [8, 16]}, **(flow.canvas.model_extra or {}), notes=flow.canvas.notes)
        gone, come = difference(text, patched(text, changed(flow, canvas=canvas)))
        assert "added: [8, 16]" in [line.strip() for line in come]
        assert not [line for line in gone if line.rstrip("\r\n") not in [new.rstrip("\r\n") for new in come]]


def test_moving_a_module_on_the_canvas_touches_its_canvas_line_only() -> None:
    flow = flow_of(EVERY_KEY)
    new = changed(flow, canvas=changed(flow.canvas, modules={**flow.canvas.modules, "people": [128, 88]}))
    assert difference(EVERY_KEY, patched(EVERY_KEY, new)) == (["    people: [120, 80]\n"], ["    people: [128, 88]\n"])


def test_a_changed_line_of_code_is_one_changed_line() -> None:
    flow = flow_of(EVERY_KEY)
    code = flow.modules[1].configs.required["code"].replace("return df", "return df.head(7)")
    new = edited(flow, 1, configs=Configs(required={"code": code}))
    assert difference(EVERY_KEY, patched(EVERY_KEY, new)) == (["              return df\n"], ["              return df.head(7)\n"])


def test_blanks_at_the_end_of_a_block_belong_to_it() -> None:
    text = "flow:\n  name: a\n  description: |-\n    one \n    two \n\nmodules: []\n"
    flow = flow_of(text)
    new = changed(flow, flow=changed(flow.flow, description="one \nthree"))
    assert patched(text, new) == text.replace("two ", "three")


def test_a_removed_module_takes_its_own_lines_only() -> None:
    flow = flow_of(SAMPLE)
    text = patched(SAMPLE, changed(flow, modules=flow.modules[:1] + flow.modules[2:]))
    gone, come = difference(SAMPLE, text)
    assert come == []
    assert next(line for line in gone if line.strip()) == "  - id: transform_data\n"
    assert len(gone) == 6
    assert "\n\n\n" not in text


def test_a_renamed_module_is_one_changed_line() -> None:
    flow = flow_of(SAMPLE)
    assert difference(SAMPLE, patched(SAMPLE, edited(flow, 0, id="people"))) == (["  - id: source_csv\n"], ["  - id: people\n"])


def test_modules_in_another_order_keep_their_text() -> None:
    flow = flow_of(EVERY_KEY)
    text = patched(EVERY_KEY, changed(flow, modules=(flow.modules[1], flow.modules[0], *flow.modules[2:])))
    assert "encoding: utf-8   # not guessed" in text
    assert sorted(line for line in text.splitlines() if line.strip()) == sorted(line for line in EVERY_KEY.splitlines() if line.strip())


def test_comments_and_quotes_of_a_changed_value_stay() -> None:
    flow = flow_of(EVERY_KEY)
    new = edited(flow, 0, configs=Configs(required={"file_path": "in.csv"}, optional={"encoding": "latin-1"}))
    gone, come = difference(EVERY_KEY, patched(EVERY_KEY, new))
    assert come == ['      required: {file_path: "in.csv"}\n', "        encoding: latin-1   # not guessed\n"]
    assert len(gone) == 2


def test_keys_of_a_flow_mapping_come_and_go_in_place() -> None:
    text = "flow: {name: small, version: 2.0.0}   # head\nmodules: []\n"
    flow = flow_of(text)
    new = changed(flow, flow=changed(flow.flow, version="1.0.0", description="a, b"))
    assert patched(text, new) == 'flow: {name: small, description: "a, b"}   # head\nmodules: []\n'


def test_empty_sections_are_filled() -> None:
    text = "flow:\n  name: small\nsettings:\nmodules: []\nconnections:   # none yet\n"
    flow = flow_of(text)
    new = changed(flow, settings=Settings(threads=2), modules=(Module(id="a", name="b"),))
    assert patched(text, new) == "flow:\n  name: small\nsettings:\n  threads: 2\nmodules:\n  - id: a\n    name: b\nconnections:   # none yet\n"
    everything = changed(new, connections=Connections(control=(ControlLink(source="a", valve="1|", target="b"),)))
    assert patched(text, everything).endswith('connections:   # none yet\n  control:\n    - "a (1|) b"\n')


def test_comments_above_a_list_outlive_its_items() -> None:
    flow = flow_of(UNINDENTED)
    text = patched(UNINDENTED, changed(flow, modules=()))
    assert "modules: []\n# the first\nconnections:" in text


def test_a_flow_with_problems_can_be_saved() -> None:
    flow = flow_of(SAMPLE)
    twice = changed(flow, modules=(*flow.modules, flow.modules[0]))
    assert patched(SAMPLE, twice).count("id: source_csv") == 2


def test_what_cannot_be_patched_is_written_whole_and_said(caplog: pytest.LogCaptureFixture) -> None:
    text = "flow: {name: odd}\nmodules:\n- - id\n"
    good = "# odd\nflow:\n  name: odd\nmodules: [{id: a, name: b}]\ncanvas: {notes: [\n  1, # one\n  2]}\n"
    flow = flow_of(good)
    result = patch(text, flow, changed(flow, modules=(*flow.modules, Module(id="c", name="d"))))
    assert result.whole
    assert same(plain(flow_of(result.text)), plain(changed(flow, modules=(*flow.modules, Module(id="c", name="d")))))
    write(text, flow, changed(flow, modules=()))
    assert "written anew" in caplog.text


def test_a_value_that_no_file_can_hold_is_an_error() -> None:
    flow = flow_of(SAMPLE)
    with pytest.raises(PypeError) as refused:
        dump(edited(flow, 0, note="\ud800"))
    assert refused.value.problems[0].code == "PYE140"


@pytest.mark.parametrize("value", NASTY, ids=repr)
def test_a_nasty_value_comes_back_from_every_place(value: Any) -> None:
    base = flow_of(EVERY_KEY)
    for number, half, key in ((0, "required", "file_path"), (0, "optional", "encoding"), (1, "required", "code"), (1, "optional", "new")):
        configs = base.modules[number].configs
        new = edited(base, number, configs=changed(configs, **{half: {**getattr(configs, half), key: value}}))
        text = patched(EVERY_KEY, new)
        assert [comment for comment in COMMENTS if comment not in text] == []
        gone, _ = difference(EVERY_KEY, text)
        assert len(gone) <= (4 if key == "code" else 1), gone


HANDS = st.sampled_from([variant(text) for variant in VARIANTS.values() for text in (EVERY_KEY, SAMPLE, UNINDENTED)])


def reads_back(flow: Flow) -> None:
    text = dump(flow)
    back = flow_of(text)
    assert same(plain(back), plain(flow))
    assert dump(back) == text


def is_patched_over(new: Flow, old: Flow, text: str) -> None:
    """Over the canonical text of another flow, over a file of another hand, and mixed with that."""
    patched(dump(old), new, old)
    flow = flow_of(text)
    patched(text, new)
    mixed = changed(flow, modules=(*flow.modules[1:], *new.modules, flow.modules[0]), settings=new.settings, canvas=new.canvas)
    patched(text, mixed)


def examples(count: int) -> settings:
    return settings(max_examples=count, deadline=None, suppress_health_check=list(HealthCheck))


@given(flows())
@examples(60)
def test_a_dumped_flow_reads_back_equal(flow: Flow) -> None:
    reads_back(flow)


@given(flows(), flows(), HANDS)
@examples(40)
def test_any_flow_is_patched_over_any_other(new: Flow, old: Flow, text: str) -> None:
    is_patched_over(new, old, text)


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(flows())
@examples(10_000)
def test_ten_thousand_dumped_flows_read_back_equal(flow: Flow) -> None:
    reads_back(flow)


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(flows(), flows(), HANDS)
@examples(3_000)
def test_thousands_of_flows_are_patched_over_others(new: Flow, old: Flow, text: str) -> None:
    is_patched_over(new, old, text)
