"""The content of a job's two JSON files: ``NAME_dag.json`` and ``NAME_execution_metadata.json``.

Comes in: a checked Flow, the Catalogue and code hashes by type. Goes out: the models of
:mod:`pypeline.schema.job`. Configs keep their templates, so no value of a variable and no secret is
in them; equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pypeline.core.catalogue import Catalogue
from pypeline.core.declare import to_registry
from pypeline.core.graph import PipelineGraph
from pypeline.core.plan import EDGE_TYPES
from pypeline.core.ports import input_ports, output_ports
from pypeline.schema.flow import Flow
from pypeline.schema.job import Dag, DagEdge, DagFlow, DagNode, DagType, ExecutionMetadata, JobSubFlow


def dag(flow: Flow, catalogue: Catalogue, code: Mapping[str, str], flows: Sequence[DagFlow] = ()) -> Dag:
    """Modules with all that their types declare, and links with their final orders; and the ``flows`` that it runs.
    Control links inside one sub flow add nothing and are left out.

    Raises:
        KeyError: the catalogue lacks a type; the flow has not been checked.
    """
    graph = PipelineGraph(flow, catalogue)
    nodes = []
    for module in flow.modules:
        decl = catalogue.types[module.name]
        nodes.append(
            DagNode(
                id=module.id, name=module.name, module_path=decl.module_path, type=decl.kind, version=decl.version,
                input_ports=input_ports(decl, module), output_ports=output_ports(decl, module), globals=decl.globals, packages=decl.packages,
                configs=module.configs, code_hash=code.get(module.name, ""), declaration=to_registry(decl),
            )
        )  # fmt: skip
    edges = [DagEdge(source=link.source, target=link.target, source_port=link.source_port, target_port=link.target_port) for link in graph.links]
    edges += [
        DagEdge(
            source=edge.link.source, target=edge.link.target, edge_type=EDGE_TYPES.get(edge.spec.trigger, "NORMAL"), order=edge.order,
            trigger=edge.spec.trigger, condition=edge.spec.condition, parallel=edge.spec.parallel,
        )
        for edge in graph.edges
    ]  # fmt: skip
    return Dag(flow=flow.flow.name, nodes=tuple(nodes), edges=tuple(edges), flows=tuple(flows))


def types(flow: Flow, catalogue: Catalogue, code: Mapping[str, str]) -> tuple[DagType, ...]:
    """The module types that ``flow`` uses, each once, by name.

    Raises:
        KeyError: the catalogue lacks a type; the flow has not been checked.
    """
    used = (catalogue.types[name] for name in sorted({module.name for module in flow.modules}))
    return tuple(DagType(name=d.name, module_path=d.module_path, code_hash=code.get(d.name, ""), declaration=to_registry(d)) for d in used)


def execution_metadata(flow: Flow, catalogue: Catalogue) -> ExecutionMetadata:
    """Settings with their defaults, sub flows in waves, and the order in which one slot would run the modules."""
    graph = PipelineGraph(flow, catalogue)
    waves = [graph.waves(index) for index in range(len(graph.sub_flows))]
    sub_flows = tuple(JobSubFlow(index=index, modules=modules, waves=waves[index]) for index, modules in enumerate(graph.sub_flows))
    order = sorted(range(len(sub_flows)), key=lambda index: graph.numbers[index])
    return ExecutionMetadata(
        flow=flow.flow.name,
        version=flow.flow.version,
        settings=flow.settings.model_dump(mode="json", by_alias=True),
        sub_flows=sub_flows,
        execution_order=tuple(id for index in order for wave in waves[index] for id in wave),
    )
