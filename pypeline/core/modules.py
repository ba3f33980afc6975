"""What a module type is: the specification's ``BaseModule``, the relational kind, and declarations.

Module authors import these through :mod:`pypeline.sdk`. A class says what it is by class
attributes; :func:`pypeline.core.declare.declare` turns them into a :class:`ModuleDecl`, plain data that registry,
planner, checker and window use without ever importing the class.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pypeline.core.columns import Schema
from pypeline.core.relation import Expr, Inputs, Relation, col
from pypeline.schema.problems import Path, Place, PypeError
from pypeline.schema.record import record

Kind = Literal["source", "mod", "sink", "solo"]


class Effects(StrEnum):
    """What running a module can do to the world. A preview runs ``pure`` and ``reads`` only."""

    PURE = "pure"
    READS = "reads"
    WRITES = "writes"
    CODE = "code"


class PartitionNeed(StrEnum):
    """What a relational module asks of partitions; ``by`` and ``range`` name their key config."""

    ANY = "any"
    BY = "by"
    RANGE = "range"
    SINGLE = "single"


@runtime_checkable
class DataArtifact(Protocol):
    """Opaque handle to a table. ``n_rows`` is known; reading a property never runs anything."""

    def to_pandas(self) -> Any: ...
    def to_dask(self) -> Any: ...
    def to_arrow(self) -> Any: ...
    @property
    def n_rows(self) -> int: ...
    @property
    def uri(self) -> str: ...
    @property
    def schema(self) -> Schema: ...


class Artifacts(Protocol):
    """What ``ctx.artifact_manager`` can do."""

    def register(self, obj: Any) -> DataArtifact: ...
    def adopt(self, art: DataArtifact) -> DataArtifact: ...


class Executor(Protocol):
    """What ``ctx.executor`` can do: blocking work off the event loop."""

    async def run_in_thread(self, fn: Callable[..., Any], *args: Any) -> Any: ...


class GlobalStore(Protocol):
    """The run's global variables; keys are ``{module_id}#{iter_index}.{var_name}``."""

    def __getitem__(self, key: str) -> Any: ...
    def __setitem__(self, key: str, value: Any) -> None: ...
    def get(self, key: str, default: Any = None) -> Any: ...


class RunContext:
    """What a running module holds: its run-time id, artifacts, executor, logger and globals."""

    def __init__(self, node_id: str, artifact_manager: Artifacts, executor: Executor, logger: logging.Logger, global_store: GlobalStore) -> None:
        self.node_id = node_id
        self.artifact_manager = artifact_manager
        self.executor = executor
        self.logger = logger
        self._global_store = global_store
        self.iter_item: Any = None
        self.iter_index: str | None = None

    def set_global(self, key: str, value: Any) -> None:
        """Set this module's global variable ``key`` (seen as ``{{moduleid__key}}``)."""
        self._global_store[f"{self.node_id}.{key}"] = value

    def get_global(self, module_id: str, key: str) -> Any:
        """The global ``key`` of ``module_id``, in this frame first, then outwards; case-insensitive.

        Raises:
            KeyError: it has not been set.
        """
        frame = self.node_id.partition("#")[2]
        while True:
            found = self._global_store.get(f"{module_id}#{frame}.{key}", _UNSET)
            if found is not _UNSET:
                return found
            if frame == "0" or not frame:
                raise KeyError(f"{module_id}__{key}")
            frame = frame.rpartition("-")[0] or "0"


_UNSET = object()


class BaseModule:
    """The contract of a module type, exactly as the specification has it.

    The runner makes an instance with no arguments, then sets ``configs`` (both halves of the
    YAML, defaults filled in), ``variables`` and, where ``Config`` is declared, ``config`` (its
    validated instance).
    """

    TYPE: str = "unknown"
    VERSION: str = "1.0.0"
    DESCRIPTION: str = ""
    CATEGORY: str = "unknown"
    INPUT_PORTS: ClassVar[list[str]] = []
    OUTPUT_PORTS: ClassVar[list[str]] = []
    GLOBALS: ClassVar[list[str]] = []
    PACKAGES: ClassVar[list[str]] = []
    CONFIG_SCHEMA: ClassVar[dict[str, Any]] = {"required": {}, "optional": {}}

    # The richer way to say CONFIG_SCHEMA: a pydantic model. Required fields live under
    # ``configs.required``, fields with a default under ``configs.optional``.
    Config: ClassVar[type[Any] | None] = None
    # What else planner and window want to know. A module that says nothing is code.
    EFFECTS: ClassVar[Effects] = Effects.CODE
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.SINGLE
    DETERMINISTIC: ClassVar[bool] = False
    PORT_RULES: ClassVar[dict[str, str]] = {}
    REJECT_PORTS: ClassVar[list[str]] = []
    # Output port → the columns it always has, where no config decides: a loop over it can be checked before a run.
    COLUMNS: ClassVar[dict[str, list[str]]] = {}
    ICON: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    configs: Mapping[str, Any] = MappingProxyType({})
    config: Any = None
    # Values of the ``{{variables}}`` in expression and SQL fields, by the text inside the braces.
    variables: Mapping[str, Any] = MappingProxyType({})
    # Where relative paths in the configs start: the flow's or the job's folder.
    folder: str = ""
    # What becomes of rejected rows that no link takes: the flow's ``on_reject`` of this module.
    on_reject: str = "fail"

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """The module's work: input port → artifact (a list on a ``many`` port) in, output port →
        DataFrame, Arrow table, list or artifact out."""
        raise NotImplementedError(f"{type(self).__name__} defines no run()")

    async def setup(self, ctx: RunContext) -> None:
        """Awaited once per instance, before its first run."""

    async def teardown(self, ctx: RunContext) -> None:
        """Awaited once per instance, always: after success, failure, timeout and cancel."""


class RelationalModule(BaseModule):
    """A module that *is* SQL: it says what its outputs are, the engine fuses and runs it."""

    EFFECTS: ClassVar[Effects] = Effects.PURE
    PARTITION: ClassVar[PartitionNeed] = PartitionNeed.ANY
    DETERMINISTIC: ClassVar[bool] = True

    def relate(self, inputs: Inputs, wanted: frozenset[str]) -> Relation:
        """The module's queries for the ``wanted`` output ports over inputs of these schemas.

        Pure: reads ``self.config`` only. May raise :class:`~pypeline.schema.problems.PypeError`
        with problems whose ``place.path`` is relative to the config (e.g. ``("condition",)``).
        """
        raise NotImplementedError(f"{type(self).__name__} defines no relate()")

    def expr(self, field_path: Path, text: str, schema: Schema | Mapping[str, Expr], port: str = "input", aggregates: bool = False) -> Expr:
        """The expression ``text`` of the config field at ``field_path``, over the columns of ``port``
        (or over columns spelled out, from several ports), this module's variables bound.

        Raises:
            PypeError: what is wrong; ``place.path`` is ``field_path``, the place in the text is in the message.
        """
        from pypeline.core import expressions

        try:
            known = schema if isinstance(schema, Mapping) else {c.name: col(port, c.name) for c in schema}
            return expressions.compile(text, known, self.variables, aggregates=aggregates)
        except expressions.ExpressionError as error:
            raise PypeError(error.problem(Place(path=field_path), text)) from None

    def select(self, field_path: Path, text: str, tables: Mapping[str, Schema]) -> Expr:
        """The SELECT ``text`` of the config field at ``field_path`` over ``tables`` (name → columns), checked, ready
        to stand in brackets; this module's variables bound.

        Raises:
            PypeError: what is wrong; ``place.path`` is ``field_path``, the place in the text is in the message.
        """
        from pypeline.core import expressions, sqlcheck

        try:
            return sqlcheck.compile_select(text, tables, self.variables)
        except expressions.ExpressionError as error:
            raise PypeError(error.problem(Place(path=field_path), text)) from None


@record
class ModuleDecl:
    """All that the rest of the program knows of a module type. JSON-able, equal by value."""

    name: str
    module_path: str
    kind: Kind
    version: str = "1.0.0"
    description: str = ""
    category: str = "unknown"
    title: str = ""
    icon: str = ""
    input_ports: tuple[str, ...] = ()
    output_ports: tuple[str, ...] = ()
    reject_ports: tuple[str, ...] = ()
    globals: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    config_schema: Mapping[str, Any] = field(default_factory=dict)
    json_schema: Mapping[str, Any] | None = None
    effects: Effects = Effects.CODE
    partition: PartitionNeed = PartitionNeed.SINGLE
    deterministic: bool = False
    relational: bool = False
    port_rules: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origin: Literal["built-in", "entry point", "folder"] = "built-in"

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the config fields under ``configs.required``."""
        return tuple(self.config_schema.get("required", {}))

    @property
    def fields(self) -> Mapping[str, Any]:
        """Config field → its JSON Schema; fields of a spec-style schema appear with what they say."""
        if self.json_schema is not None:
            properties: Mapping[str, Any] = self.json_schema.get("properties", {})
            return properties
        return {**self.config_schema.get("required", {}), **self.config_schema.get("optional", {})}
