"""The two JSON files of a job: complete, stable, and without a value of any variable."""

from __future__ import annotations

from pypeline.core.dag import dag, execution_metadata
from pypeline.core.declare import from_registry
from tests.core.making import CATALOGUE, flow

SAMPLE = flow(
    ["a:read", {"id": "m", "name": "map", "configs": {"optional": {"outputs": [{"name": "big"}]}}}, "w:write", "s", "l"],
    ["a.data - m.input", "m.big - w.input"],
    ["a (1|) m", "w (2|if {{a__row_count}} > 0) s", "w (Last|always) l", "s (1|start) l"],
)


def test_nodes_hold_all_that_running_without_a_registry_needs() -> None:
    made = dag(SAMPLE, CATALOGUE, {"read": "c0de"})
    read, mapped = made.nodes[0], made.nodes[1]
    assert (read.id, read.name, read.module_path, read.type, read.output_ports, read.code_hash) == (
        "a", "read", "pypeline.palette.read", "source", ("data", "reject"), "c0de",
    )  # fmt: skip
    assert mapped.output_ports == ("big",)
    assert from_registry("read", read.declaration, "built-in") == CATALOGUE["read"]


def test_edges_have_the_specifications_types_and_final_orders() -> None:
    made = dag(SAMPLE, CATALOGUE, {})
    assert [(e.source, e.target, e.edge_type, e.order, e.trigger, e.condition) for e in made.edges] == [
        ("a", "m", "NORMAL", 0, None, None),
        ("m", "w", "NORMAL", 0, None, None),
        ("w", "s", "NORMAL", 2, "ok", "{{a__row_count}} > 0"),
        ("w", "l", "NORMAL", 3, "always", None),
        ("s", "l", "START", 1, "start", None),
    ]


def test_metadata_has_settings_sub_flows_and_the_order_of_one_slot() -> None:
    made = execution_metadata(SAMPLE, CATALOGUE)
    assert made.settings["fail_strategy"] == "halt"
    assert [(sub.index, sub.modules, sub.waves) for sub in made.sub_flows] == [
        (0, ("a", "m", "w"), (("a",), ("m",), ("w",))), (1, ("s",), (("s",),)), (2, ("l",), (("l",),)),
    ]  # fmt: skip
    assert made.execution_order == ("a", "m", "w", "s", "l")


def test_equal_flows_give_equal_bytes_and_templates_stay_unresolved() -> None:
    words = [{"id": "a", "name": "read", "configs": {"required": {"path": "{{context.folder}}/x"}, "optional": {"password": "{{env.SECRET}}"}}}]
    texts = {dag(flow(words), CATALOGUE, {}).to_json() for _ in range(2)} | {dag(flow(words), CATALOGUE, {}).to_json()}
    assert len(texts) == 1
    assert "{{context.folder}}/x" in texts.pop()
