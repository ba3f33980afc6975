"""The flow file as immutable models: every key of the flow language, also those that run later.

A :class:`Flow` is a value. The reader makes it from text and remembers where each key stood
(:class:`Marks`); an edit makes a new Flow, and the writer turns the difference of two Flows into
the smallest change of the text. Defaults here are the documented defaults.

Scalars are strict where silence would lose something: a switch takes ``true`` or ``false`` only, a
number no quoted text; free text takes a number as it was written (``version: 1.0``). A key whose
value is empty counts as not written.

What a valve or an expression *means* is core's business; here they are text.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PrivateAttr, Strict, StringConstraints, Tag, model_validator

from pypeline.schema.links import CONTROL_LINK_PATTERN, DATA_LINK_PATTERN, control_link_parts, data_link_parts
from pypeline.schema.marks import Marks
from pypeline.schema.scalars import text_of

FORMAT = 1
"""The newest format of the language that this version writes; older ones are migrated on reading."""

_NO_LETTERS = r"\[-^`{-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
ID_PATTERN = rf"^(?!.*__)[^\x00-@{_NO_LETTERS}][^\x00-/:-@{_NO_LETTERS}]{{0,63}}$"
"""The id rule as far as a pattern of every JSON Schema checker can say it; :mod:`pypeline.schema.ids` is the rule."""

FLOW_NAME_PATTERN = ID_PATTERN.replace("/:", ",./:")
"""The same for a flow's name, in which ``-`` may stand."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Id = Annotated[str, Field(json_schema_extra={"pattern": ID_PATTERN})]
FlowName = Annotated[str, Field(json_schema_extra={"pattern": FLOW_NAME_PATTERN})]
Word = Annotated[str, StringConstraints(min_length=1)]
Text = Annotated[str, BeforeValidator(text_of, json_schema_input_type=str | float | bool)]
Switch = Annotated[bool, Strict()]
# 1e3 is a whole number; "5" in quotes and true are none
Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
CacheMode = Literal["auto", "on", "off", "read_only"]
Trigger = Literal["ok", "error", "always", "iterate", "start"]


class Model(BaseModel):
    """Frozen, and strict about unknown keys: a typo is an error, never silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        """``optional:`` with nothing behind it is no value but an unwritten one."""
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
        return data


class StageSpec(Model):
    """A named stage and its contract (flow language §9)."""

    name: Word
    purpose: Text = ""
    inputs: tuple[Text, ...] = ()
    outputs: tuple[dict[str, Text], ...] = ()
    entry: tuple[Text, ...] = ()
    exit: tuple[Text, ...] = ()


class FlowPort(Model):
    """A typed port or parameter of a flow that ``run_flow`` calls."""

    name: Word
    type: Text = "table"
    required: Switch = True
    default: Any = None
    description: Text = ""


def _stage_kind(value: Any) -> str:
    return "spec" if isinstance(value, dict | StageSpec) else "name"


Stage = Annotated[Annotated[str, Tag("name")] | Annotated[StageSpec, Tag("spec")], Discriminator(_stage_kind)]


class Head(Model):
    """``flow:`` who and what. ``name`` is the only key a flow must give."""

    name: FlowName
    version: Text = "1.0.0"
    authors: tuple[Text, ...] = ()
    created: Text = ""
    description: Text = ""
    stages: tuple[Stage, ...] = ()
    env: tuple[Text, ...] = ()
    inputs: tuple[FlowPort, ...] = ()
    outputs: tuple[FlowPort, ...] = ()


Slots = Annotated[Whole, Field(ge=0, le=1_000_000)]


class Retry(Model):
    """How often and how patiently a task is tried again. ``attempts`` counts the first try."""

    attempts: Whole = Field(1, ge=1, le=1000)
    delay: Number = Field(0, ge=0, le=86_400, description="seconds before the second try")
    backoff: Literal["fixed", "linear", "exponential"] = "fixed"
    max_delay: Number | None = Field(None, ge=0, le=86_400)
    jitter: Switch = False
    retry_on: tuple[Text, ...] = ()
    memory_growth: Number = Field(1, ge=1, le=16, description="memory of each further try, as a multiple of the try before")


class Resources(Model):
    """What a task needs: cores, memory (``2GiB``), GPUs, wall time (``HH:MM:SS``) and named slots."""

    cpus: Whole | None = Field(None, ge=1, le=100_000)
    memory: Text | None = None
    gpus: Whole | None = Field(None, ge=0, le=1024)
    time: Text | None = None
    slots: dict[str, Slots] = Field(default_factory=dict)


class Cache(Model):
    """Reuse between runs."""

    mode: CacheMode = "auto"
    verify: Literal["auto", "content", "stat"] = "auto"


class Logging(Model):
    """Where log lines go and how loud they are."""

    level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = "INFO"
    format: Literal["auto", "json", "text"] = "auto"
    destinations: tuple[Text, ...] = ()


def _bare_cache(value: Any) -> Any:
    return {"mode": value} if isinstance(value, str) else value


class Settings(Model):
    """``settings:`` how the whole flow runs."""

    timeout: Number | None = Field(None, gt=0, le=31_536_000, description="seconds for the whole run")
    retries: Whole | None = Field(None, ge=0, le=999)
    retry: Retry | None = None
    fail_strategy: Literal["halt", "continue"] = "halt"
    on_halt: Literal["finish", "interrupt"] = "finish"
    execution_mode: Literal["auto", "pandas", "dask"] = "auto"
    threads: Whole | None = Field(None, ge=1, le=4096)
    engine: str = "local"
    cache: Annotated[Cache, BeforeValidator(_bare_cache, json_schema_input_type=Cache | CacheMode)] = Cache()
    checkpoint: Literal["on", "off"] = "on"
    keep: Number = Field(7, ge=0, le=36_500, description="days that a failed run's checkpoints stay")
    invalidation: Literal["strict", "warn", "legacy"] = "strict"
    watch: Literal["counts", "previews", "off"] = "counts"
    memory_limit: Text | None = None
    spill_threshold_rows: Whole = Field(5_000_000, ge=0, le=10**15)
    max_ram_share: Number = Field(0.6, gt=0, le=1)
    spill_dir: Text | None = None
    slots: dict[str, Slots] = Field(default_factory=dict)
    resources: Resources | None = None
    profile: Text | None = None
    policy: dict[str, Any] = Field(default_factory=dict)
    diagnostics: Literal["on", "off"] = "on"
    finally_timeout: Number = Field(60, ge=0, le=31_536_000)
    logging: Logging = Logging()


class Breaker(Model):
    """Stop asking a database that keeps failing."""

    failures: Whole = Field(5, ge=1, le=1_000_000)
    reset_after: Number = Field(60, gt=0, le=31_536_000)


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
    retries: Whole | None = Field(None, ge=0, le=999)
    retry: Retry | None = None
    timeout: Number | None = Field(None, gt=0, le=31_536_000)
    resources: Resources | None = None
    engine: str | None = None
    cache: CacheMode | None = None
    checkpoint: Literal["on", "off"] | None = None
    contract: Contract | None = None
    stage: str | None = None
    transaction: str | None = None
    enabled: Switch = True
    bypass: Switch = False
    on_reject: Literal["fail", "warn", "ignore"] | None = None
    note: Text = ""


class DataLink(Model):
    """A table travels from an output port to an input port. In the file: ``a.data - b.input``."""

    source: Word
    source_port: Word
    target: Word
    target_port: Word

    def __str__(self) -> str:
        return f"{self.source}.{self.source_port} - {self.target}.{self.target_port}"


class ControlLink(Model):
    """One sub flow starts after another. In the file: ``a (1|error) b``; ``valve`` is ``1|error``."""

    source: Word
    valve: Text
    target: Word

    def __str__(self) -> str:
        return f"{self.source} ({self.valve}) {self.target}"


_DataLinkText = Annotated[str, Field(json_schema_extra={"pattern": DATA_LINK_PATTERN})]
_ControlLinkText = Annotated[str, Field(json_schema_extra={"pattern": CONTROL_LINK_PATTERN})]


class Connections(Model):
    """``connections:`` links as short strings, or as mappings with the same parts."""

    data: tuple[Annotated[DataLink, BeforeValidator(data_link_parts, json_schema_input_type=DataLink | _DataLinkText)], ...] = ()
    control: tuple[Annotated[ControlLink, BeforeValidator(control_link_parts, json_schema_input_type=ControlLink | _ControlLinkText)], ...] = ()


class Sweep(Model):
    """``sweep:`` one frame per combination of parameter values (flow language §8)."""

    parameters: dict[str, tuple[Any, ...]]
    mode: Literal["grid", "zip", "list"] = "grid"


def as_position(value: Any) -> tuple[float, float] | None:
    """``[x, y]`` as two finite numbers of at most 1e6 in size; None for anything else."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    if any(isinstance(part, bool) or not isinstance(part, int | float) or not abs(part) <= 1e6 for part in value):
        return None
    return value[0], value[1]


class Canvas(BaseModel):
    """``canvas:`` the drawing only. Never enters a fingerprint; unknown keys survive."""

    model_config = ConfigDict(frozen=True, extra="allow")

    modules: dict[str, Any] = Field(default_factory=dict, description="module id: [x, y]")
    notes: tuple[Any, ...] = ()
    groups: tuple[Any, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: Any) -> Any:
        if isinstance(data, dict) and None in data.values():
            return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}
        return data

    def position(self, id: str) -> tuple[float, float] | None:
        """Where the module stands, or None when the file says nothing usable: it is laid out then."""
        return as_position(self.modules.get(id))


class Flow(Model):
    """A whole flow file."""

    format: Whole = Field(FORMAT, ge=1, le=FORMAT)
    flow: Head
    settings: Settings = Settings()
    databases: dict[str, Database] = Field(default_factory=dict)
    modules: tuple[Module, ...]
    connections: Connections = Connections()
    on_error: tuple[Word, ...] = ()
    # ``finally`` is a Python keyword, hence the alias
    finally_: tuple[Word, ...] = Field((), alias="finally")
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
