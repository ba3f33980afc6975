"""The two JSON files of a job folder as models: ``NAME_dag.json`` and ``NAME_execution_metadata.json``.

They say all that a run without the registry needs to know of modules, links and order. Configs keep
their ``{{templates}}``, so no secret can stand in them; equal input gives equal bytes. Their JSON
Schemas are published beside that of the flow file.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pypeline.schema.flow import Configs, Trigger

JOB_FORMAT: Literal[1] = 1


class JobModel(BaseModel):
    """Frozen and closed, as all that is published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_json(self) -> str:
        """Canonical text: keys in the models' order, two blanks, one line end."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


class DagNode(JobModel):
    """A module with everything its type declares. ``module_path`` is the exact import path."""

    id: str
    name: str = Field(description="module type in the palette")
    module_path: str
    type: Literal["source", "mod", "sink", "solo"]
    version: str
    input_ports: tuple[str, ...] = ()
    output_ports: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    configs: Configs = Configs()
    code_hash: str = ""
    declaration: dict[str, Any] = Field(default_factory=dict, description="the registry's entry of the type")


class DagEdge(JobModel):
    """A data link (order 0, with ports) or a control link (order from 1, with trigger and condition)."""

    source: str
    target: str
    edge_type: Literal["NORMAL", "ITERATE", "START"] = "NORMAL"
    order: int = Field(0, ge=0)
    source_port: str | None = None
    target_port: str | None = None
    trigger: Trigger | None = None
    condition: str | None = Field(None, description="the expression behind `if`")
    parallel: int | None = Field(None, ge=1, description="frames at a time of an iterate link")


class DagType(JobModel):
    """A module type with the exact import path of its code."""

    name: str = Field(description="module type in the palette")
    module_path: str
    code_hash: str = ""
    declaration: dict[str, Any] = Field(default_factory=dict, description="the registry's entry of the type")


class DagFlow(JobModel):
    """A flow that the job's flow runs by ``run_flow``, or that such a flow runs in turn, and the types it uses."""

    file: str = Field(description="its path in the job folder")
    types: tuple[DagType, ...] = ()


class Dag(JobModel):
    """``NAME_dag.json``."""

    format: Literal[1] = JOB_FORMAT
    flow: str
    nodes: tuple[DagNode, ...]
    edges: tuple[DagEdge, ...] = ()
    flows: tuple[DagFlow, ...] = Field((), description="the flows that it runs, all in the job folder")


class JobSubFlow(JobModel):
    """Modules joined by data links, or one solo; ``waves`` are those that can run side by side."""

    index: int = Field(ge=0)
    modules: tuple[str, ...]
    waves: tuple[tuple[str, ...], ...] = ()


class ExecutionMetadata(JobModel):
    """``NAME_execution_metadata.json``."""

    format: Literal[1] = JOB_FORMAT
    flow: str
    version: str = ""
    settings: dict[str, Any] = Field(default_factory=dict, description="the flow's settings, defaults filled in")
    sub_flows: tuple[JobSubFlow, ...] = ()
    execution_order: tuple[str, ...] = Field((), description="module ids in the order they start with one slot")
