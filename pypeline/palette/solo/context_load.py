"""``context_load``: names and values from a file or a table, for all that runs later.

``{{context.name}}`` is bound before a run begins, so that a plan can be read and compared; what is found out while
the flow runs are globals of this module, ``{{moduleid__name}}``. A flow started by ``run_flow`` can be given
them as parameters: there they are its context.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pypeline.palette.naming import checked, fits
from pypeline.sdk import BaseModule, Effects, ModuleConfig, Place, Problem, PypeError, RunContext, did_you_mean, looks_secret, path

Pair = tuple[str, Any]
_FORMATS = {".json": "json", ".properties": "properties", ".env": "properties", ".ini": "properties", ".csv": "csv", ".tsv": "csv"}
_LARGEST = 8 * 2**20
_MOST = 10_000
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


class Config(ModuleConfig):
    """Where the values come from, and what they must be."""

    file: Annotated[str | None, path("open")] = Field(
        default=None, title="File", description="The file with the values; null with a table linked in.", examples=["settings/eu.properties"]
    )
    format: Literal["auto", "json", "properties", "csv"] = Field(
        default="auto",
        title="Format",
        description="json: one flat object · properties: lines of name = value, # begins a comment · csv: two columns · auto: by the ending of the name.",
    )
    encoding: str = Field(default="utf-8-sig", title="Encoding", description="Of the file.")
    key: str = Field(default="key", min_length=1, title="Name column", description="Of a CSV file or a table: the column with the names.")
    value: str = Field(default="value", min_length=1, title="Value column", description="Of a CSV file or a table: the column with the values.")
    separator: str = Field(default=",", min_length=1, max_length=1, title="Separator", description="Of a CSV file; tab in a .tsv file.")
    expect: dict[str, Literal["text", "integer", "number", "boolean"]] = Field(
        default={}, title="Expected", description="Names that must be there, and their types. Others keep the type they have; in text files that is text.",
        examples=[{"limit": "integer", "region": "text"}],
    )  # fmt: skip
    defaults: dict[str, Any] = Field(default={}, title="Defaults", description="Values of names that are not there.", examples=[{"limit": 100}])
    missing: Literal["fail", "warn", "ignore"] = Field(default="fail", title="When one is missing", description="An expected name without value or default.")
    unknown: Literal["fail", "warn", "ignore"] = Field(default="ignore", title="When one is unknown", description="A name that is not expected.")
    repeated: Literal["last", "first", "fail"] = Field(default="last", title="When one is repeated", description="A name that stands there twice.")
    required: bool = Field(default=True, title="File required", description="Fail when there is no such file; else it counts as empty.")
    show: bool = Field(default=False, title="Show", description="Write names and values to the log.")

    @field_validator("expect", "defaults")
    @classmethod
    def _are_names(cls, value: dict[str, Any]) -> dict[str, Any]:
        return checked(value)

    @model_validator(mode="after")
    def _has_format(self) -> Config:
        if self.file is not None and "{{" not in self.file and self.form is None:
            raise ValueError("the ending of the file's name does not tell its format; say it")
        return self

    @property
    def form(self) -> str | None:
        """The format, by the name of the file where it is ``auto``; None if that does not tell."""
        return self.format if self.format != "auto" else _FORMATS.get(Path(self.file or "").suffix.lower())


class ContextLoad(BaseModule):
    """Loads names and values; every one becomes a global of this module."""

    TYPE = "solo"
    DESCRIPTION = "Loads variables from a file or a table"
    CATEGORY = "Control"
    TITLE: ClassVar[str] = "Load context"
    ICON: ClassVar[str] = "open"
    INPUT_PORTS: ClassVar[list[str]] = ["input"]
    PORT_RULES: ClassVar[dict[str, str]] = {"input": "optional"}
    GLOBALS: ClassVar[list[str]] = ["*"]
    EFFECTS: ClassVar[Effects] = Effects.READS
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing; the variables are set."""
        if ("input" in inputs) == (self.config.file is not None):
            raise _wrong("give either a file or a table at `input`", ("file",), "Name a file, or link a table in.")
        pairs = await ctx.executor.run_in_thread(self._pairs, inputs.get("input"))
        for name, value in self._settled(pairs, ctx.logger).items():
            ctx.set_global(name, value)
            if self.config.show:
                ctx.logger.info(f"{name} = {value}")
        return {}

    def _pairs(self, table: Any) -> list[Pair]:
        config = self.config
        if table is not None:
            return _of_table(table, config.key, config.value)
        file = Path(self.folder, config.file)
        if not file.is_file():
            if not file.exists() and not config.required:
                return []
            raise PypeError(Problem("PYE390", f"there is no file `{config.file}`", Place(path=("file",)), "Correct the path, or say `required: false`."))
        if file.stat().st_size > _LARGEST:
            raise _wrong(f"`{config.file}` is larger than {_LARGEST // 2**20} MiB", ("file",), "Read it with a source, and link its table in.")
        try:
            text = file.read_text(encoding=config.encoding)
            if config.form == "json":
                return _of_json(text)
            if config.form == "csv":
                return list(_of_csv(text, "\t" if file.suffix.lower() == ".tsv" else config.separator, config.key, config.value))
            return list(_of_properties(text))
        except (OSError, UnicodeError, LookupError, ValueError, RecursionError, csv.Error) as error:
            raise _wrong(f"`{config.file}` cannot be read: {error}", ("file",), "Correct the file, its format or its encoding.") from error

    def _settled(self, pairs: Iterable[Pair], logger: Any) -> dict[str, Any]:
        """The pairs as variables: checked, typed, with the defaults; in the order in which they stand."""
        config = self.config
        # variables do not tell capitals from small letters, so neither may expected names
        spelled = {name.casefold(): name for name in (*config.defaults, *config.expect)}
        found: dict[str, Any] = dict(config.defaults)
        loaded: set[str] = set()
        for given, value in pairs:
            name = spelled.setdefault(given.casefold(), given)
            if not fits(given):
                raise _wrong(f"`{given[:40]}` is no name of a variable", (), "Names are letters, digits and `_`, and begin with no digit.")
            if looks_secret(name, value):
                raise _wrong(f"the value of `{name}` looks like a secret", (), "Keep it in Vault or in the environment: variables end up in logs and records.")
            if isinstance(value, dict | list):
                raise _wrong(f"the value of `{name}` is a {type(value).__name__}", (), "Values are texts, numbers, true, false or null.")
            if name in loaded and config.repeated != "last":
                if config.repeated == "fail":
                    raise _wrong(f"`{name}` stands there twice", ("repeated",), "Take one out.")
                continue
            loaded.add(name)
            if config.expect and name not in config.expect and name not in config.defaults:
                hint = did_you_mean(name, config.expect)
                self._say(config.unknown, f"`{name}` is not expected", hint[:1].upper() + hint[1:], logger)
            found[name] = value
        for name, kind in config.expect.items():
            if name not in found:
                self._say(config.missing, f"there is no value for `{name}`", "Write it, or give it a default.", logger)
                found[name] = None
            else:
                found[name] = _typed(name, found[name], kind)
        if len(found) > _MOST:
            raise _wrong(f"{len(found):,} values are too many for variables", (), "Keep them in a table, and join with it.")
        return found

    def _say(self, how: str, message: str, mend: str, logger: Any) -> None:
        if how == "fail":
            raise _wrong(message, (), mend)
        if how == "warn":
            logger.warning(message)


def _wrong(message: str, where: tuple[str, ...], mend: str) -> PypeError:
    return PypeError(Problem("PYE389", message, Place(path=where), mend, phase="run"))


def _of_json(text: str) -> list[Pair]:
    def no_number(word: str) -> Any:
        raise ValueError(f"{word} is no JSON number")

    pairs = json.loads(text, object_pairs_hook=list, parse_constant=no_number)
    # an object comes as a list of pairs, so that a name that stands there twice is not lost
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        raise ValueError("it is not one JSON object")
    return [(str(name), value) for name, value in pairs]


def _of_properties(text: str) -> Iterator[Pair]:
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line[0] in "#;" or (line[0] == "[" and line[-1] == "]"):
            continue
        name, found, value = line.removeprefix("export ").partition("=")
        if not found:
            raise ValueError(f"line {number} is not of the form name = value")
        value = value.strip()
        yield name.strip(), value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _of_csv(text: str, separator: str, key: str, value: str) -> Iterator[Pair]:
    reader = csv.DictReader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    for column in (key, value):
        if column not in (reader.fieldnames or ()):
            raise ValueError(f"it has no column `{column}`")
    for row in reader:
        yield str(row[key] or "").strip(), row[value]


def _of_table(table: Any, key: str, value: str) -> list[Pair]:
    names = [column.name for column in table.schema]
    for field, column in (("key", key), ("value", value)):
        if column not in names:
            hint = did_you_mean(column, names)
            raise _wrong(f"the table has no column `{column}`", (field,), hint[:1].upper() + hint[1:])
    if table.n_rows > _MOST:
        raise _wrong(f"a table of {table.n_rows:,} rows is too large for variables", (), "Keep it a table, and join with it.")
    columns = table.to_arrow().select([key, value]).to_pydict()
    return [(str(name).strip(), each) for name, each in zip(columns[key], columns[value], strict=True)]


def _typed(name: str, value: Any, kind: str) -> Any:
    """``value`` as ``kind``; null stays null."""
    try:
        if value is None or kind == "text":
            return value if value is None or isinstance(value, str) else str(value)
        if kind == "boolean":
            if isinstance(value, bool):
                return value
            word = str(value).strip().casefold()
            if word not in _TRUE | _FALSE:
                raise ValueError(word)
            return word in _TRUE
        if isinstance(value, bool):
            raise ValueError(value)
        return int(str(value).strip()) if kind == "integer" else float(str(value).strip())
    except ValueError:
        raise _wrong(f"the value of `{name}` is `{str(value)[:40]}`, which is no {kind}", ("expect", name), "Correct it.") from None
