"""The flow file as immutable models: every key of the flow language, also those that run later.

A :class:`Flow` is a value. The reader makes it from text and remembers where each key stood
(:class:`Marks`); an edit makes a new Flow, and the writer turns the difference of two Flows into
the smallest change of the text. Defaults here are the documented defaults.

What a valve or an expression *means* is core's business; here they are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, StringConstraints

from pypeline.schema.links import control_link_parts, data_link_parts
from pypeline.schema.problems import Path, Place

FORMAT = 1
"""The newest format of the language that this version writes; older ones are migrated on reading."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Word = Annotated[str, StringConstraints(min_length=1)]
Trigger = Literal["ok", "error", "always", "iterate", "start"]


class Marks:
    """Where each key path stood in the text (1-based line, column). Never part of a comparison."""

    __slots__ = ("at", "file")

    def __init__(self, file: str = "", at: Mapping[Path, tuple[int, int]] | None = None) -> None:
        self.file = file
        self.at: Mapping[Path, tuple[int, int]] = at or {}

    def place(self, path: Path, module: str = "", link: str = "") -> Place:
        """The place of ``path``, or of its nearest parent that stood in the text."""
        short = path
        while short and short not in self.at:
            short = short[:-1]
        line, column = self.at.get(short, (0, 0))
        return Place(self.file, line, column, path, module, link)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks)

    def __hash__(self) -> int:
        return 0


class Model(BaseModel):
    """Frozen, and strict about unknown keys: a typo is an error, never silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class StageSpec(Model):
    """A named stage and its contract (flow language §9)."""

    name: Word
    purpose: str = ""
    inputs: tuple[str, ...] = ()
    outputs: tuple[dict[str, str], ...] = ()
    entry: tuple[str, ...] = ()
    exit: tuple[str, ...] = ()


class FlowPort(Model):
    """A typed port or parameter of a flow that ``run_flow`` calls."""

    name: Word
    type: str = "table"
    required: bool = True
    default: Any = None
    description: str = ""


class Head(Model):
    """``flow:`` who and what. ``name`` is the only key a flow must give."""

    name: Id
    version: str = "1.0.0"
    authors: tuple[str, ...] = ()
    created: str = ""
    description: str = ""
    stages: tuple[str | StageSpec, ...] = ()
    env: tuple[str, ...] = ()
    inputs: tuple[FlowPort, ...] = ()
    outputs: tuple[FlowPort, ...] = ()


class Retry(Model):
    """How often and how patiently a task is tried again. ``attempts`` counts the first try."""

    attempts: int = Field(1, ge=1, le=1000)
    delay: float = Field(0, ge=0, le=86_400, description="seconds before the second try")
    backoff: Literal["fixed", "linear", "exponential"] = "fixed"
    max_delay: float | None = Field(None, ge=0, le=86_400)
    jitter: bool = False
    retry_on: tuple[str, ...] = ()


class Resources(Model):
    """What a task needs: cores, memory (``2GiB``), GPUs, wall time (``HH:MM:SS``) and named slots."""

    cpus: int | None = Field(None, ge=1, le=100_000)
    memory: str | None = None
    gpus: int | None = Field(None, ge=0, le=1024)
    time: str | None = None
    slots: dict[str, int] = Field(default_factory=dict)


class Cache(Model):
    """Reuse between runs."""

    mode: Literal["auto", "on", "off", "read_only"] = "auto"
    verify: Literal["auto", "content", "stat"] = "auto"


class Logging(Model):
    """Where log lines go and how loud they are."""

    level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    format: Literal["auto", "json", "text"] = "auto"
    destinations: tuple[str, ...] = ()


def _bare_cache(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


class Settings(Model):
    """``settings:`` how the whole flow runs."""

    timeout: float | None = Field(None, gt=0, le=31_536_000, description="seconds for the whole run")
    retries: int | None = Field(None, ge=0, le=999)
    retry: Retry | None = None
    fail_strategy: Literal["halt", "continue"] = "halt"
    on_halt: Literal["finish", "interrupt"] = "finish"
    execution_mode: Literal["auto", "pandas", "dask"] = "auto"
    threads: int | None = Field(None, ge=1, le=4096)
    engine: str = "local"
    cache: Annotated[Cache, BeforeValidator(_bare_cache)] = Cache()
    checkpoint: Literal["on", "off"] = "on"
    keep: float = Field(7, ge=0, description="days that a failed run's checkpoints stay")
    invalidation: Literal["strict", "warn", "legacy"] = "strict"
    watch: Literal["counts", "previews", "off"] = "counts"
    memory_limit: str | None = None
    spill_threshold_rows: int = Field(5_000_000, ge=0)
    max_ram_share: float = Field(0.6, gt=0, le=1)
    spill_dir: str | None = None
    slots: dict[str, int] = Field(default_factory=dict)
    resources: Resources | None = None
    profile: str | None = None
    policy: dict[str, Any] = Field(default_factory=dict)
    diagnostics: Literal["on", "off"] = "on"
    finally_timeout: float = Field(60, ge=0)
    logging: Logging = Logging()


class Breaker(Model):
    """Stop asking a database that keeps failing."""

    failures: int = Field(5, ge=1)
    reset_after: float = Field(60, gt=0)


class Database(Model):
    """A named connection. ``secret`` is a vault or environment reference, never a plain password."""

    url: Word
    secret: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    breaker: Breaker | None = None


class Configs(Model):
    """A module's configuration, in the specification's two halves."""

    required: dict[str, Any] = Field(default_factory=dict)
    optional: dict[str, Any] = Field(default_factory=dict)

    def flat(self) -> dict[str, Any]:
        """Both halves as one mapping."""
        return {**self.required, **self.optional}


class Contract(Model):
    """What a module's outputs promise; checked from the contracts release on."""

    inputs: dict[str, Any] = Field(default_factory=dict)
    outputs: dict[str, Any] = Field(default_factory=dict)
    on_violation: Literal["warn", "fail"] = "warn"


class Module(Model):
    """One module: an instance of a module type."""

    id: Id
    name: Word = Field(description="module type in the palette")
    configs: Configs = Configs()
    retries: int | None = Field(None, ge=0, le=999)
    retry: Retry | None = None
    timeout: float | None = Field(None, gt=0, le=31_536_000)
    resources: Resources | None = None
    engine: str | None = None
    cache: Literal["auto", "on", "off", "read_only"] | None = None
    checkpoint: Literal["on", "off"] | None = None
    contract: Contract | None = None
    stage: str | None = None
    transaction: str | None = None
    enabled: bool = True
    bypass: bool = False
    on_reject: Literal["fail", "warn", "ignore"] | None = None
    note: str = ""


class DataLink(Model):
    """A table travels from an output port to an input port. In the file: ``a.data - b.input``."""

    source: Id
    source_port: Word
    target: Id
    target_port: Word

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} - {self.target}.{self.target_port}"


class ControlLink(Model):
    """One sub flow starts after another. In the file: ``a (1|error) b``; ``valve`` is ``1|error``."""

    source: Id
    valve: str
    target: Id

    def __str__(self) -> str:
        return f"{self.source} ({self.valve}) {self.target}"


class Connections(Model):
    """``connections:`` links as short strings, or as mappings with the same parts."""

    data: tuple[Annotated[DataLink, BeforeValidator(data_link_parts)], ...] = ()
    control: tuple[Annotated[ControlLink, BeforeValidator(control_link_parts)], ...] = ()


class Sweep(Model):
    """``sweep:`` one frame per combination of parameter values (flow language §8)."""

    parameters: dict[str, tuple[Any, ...]]
    mode: Literal["grid", "zip", "list"] = "grid"


class Canvas(BaseModel):
    """``canvas:`` the drawing only. Never enters a fingerprint; unknown keys survive."""

    model_config = ConfigDict(frozen=True, extra="allow")

    modules: dict[str, Any] = Field(default_factory=dict, description="module id: [x, y]")
    notes: tuple[Any, ...] = ()
    groups: tuple[Any, ...] = ()


class Flow(Model):
    """A whole flow file."""

    format: int = Field(FORMAT, ge=1)
    flow: Head
    settings: Settings = Settings()
    databases: dict[str, Database] = Field(default_factory=dict)
    modules: tuple[Module, ...]
    connections: Connections = Connections()
    on_error: tuple[Id, ...] = ()
    # ``finally`` is a Python keyword, hence the alias
    finally_: tuple[Id, ...] = Field((), alias="finally")
    sweep: Sweep | None = None
    canvas: Canvas = Canvas()

    _marks: Marks = PrivateAttr(default_factory=Marks)

    @property
    def marks(self) -> Marks:
        """Where the keys stood in the text this Flow was read from; empty for a Flow made in memory."""
        return self._marks

    def with_marks(self, marks: Marks) -> Flow:
        """This Flow, remembering ``marks``. Called by the reader, once."""
        self._marks = marks
        return self

    def module(self, id: str) -> Module:
        """The module with this id.

        Raises:
            KeyError: there is none.
        """
        for module in self.modules:
            if module.id == id:
                return module
        raise KeyError(id)
