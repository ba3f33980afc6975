"""`pype describe NAME`: ports, effects and every option of one module type."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.aligned import clean
from pypeline.core.declare import to_registry
from pypeline.core.modules import ModuleDecl
from pypeline.runner.registry import load
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

INDENT = " " * 6


def arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a module type, such as csv_source")
    parser.add_argument("--folder", type=Path, default=Path(), help="the project (default: here)")
    with_json(parser, "its registry entry")
    parser.epilog_example("pype describe csv_source", "pype describe join_mod --json")


def run(options: argparse.Namespace) -> int:
    catalogue = load(options.folder.resolve())
    if options.name not in catalogue:
        hint = did_you_mean(options.name, catalogue)
        mend = f"{hint[:1].upper()}{hint[1:]} `pype list-modules` lists all."
        raise PypeError(Problem("PYE489", f"there is no module type `{options.name}`", Place(file="pype describe"), mend))
    decl = catalogue[options.name]
    if options.json:
        print(json.dumps({decl.name: to_registry(decl)}, indent=2, ensure_ascii=False))
        return 0
    print(described(decl, Style(sys.stdout)))
    return 0


def described(decl: ModuleDecl, style: Style) -> str:
    """A page of text."""
    lines = [f"{style.bold(decl.name)}  {decl.kind} · {decl.category} · version {decl.version} · {decl.origin}", clean(decl.description), ""]
    for title, names in (
        ("inputs", decl.input_ports),
        ("outputs", decl.output_ports),
        ("globals", decl.globals),
        ("packages", decl.packages),
    ):
        if names:
            lines.append(f"{title:9} {', '.join(names)}")
    lines += [f"{'effects':9} {decl.effects}", f"{'code':9} {decl.module_path}"]
    for half in ("required", "optional"):
        fields = decl.config_schema.get(half, {})
        if fields:
            lines += ["", style.bold(f"configs.{half}")]
            for name, spelled in fields.items():
                lines += option(name, {**spelled, **decl.fields.get(name, {})}, half == "optional", style)
    return "\n".join(lines)


def option(name: str, schema: Mapping[str, Any], has_default: bool, style: Style) -> list[str]:
    """What one option takes, then what it means and an example, wrapped."""
    head = f"  {style.bold(name)}: {type_text(schema)}"
    if has_default and "default" in schema:
        head += style.faint(f" = {json.dumps(schema['default'], ensure_ascii=False)}")
    if unit := schema.get("x-pype", {}).get("unit"):
        head += style.faint(f" ({unit})")
    lines = [head, *textwrap.wrap(clean(schema.get("description", "")), room(), initial_indent=INDENT, subsequent_indent=INDENT)]
    if schema.get("examples"):
        lines += [INDENT + style.faint(line) for line in example(schema["examples"][0])]
    for shape in shapes(schema):
        lines.append(f"{INDENT}{clean(title_of(shape))}")
        for key, said in shape["properties"].items():
            if "const" not in said:
                default = f" = {json.dumps(said['default'], ensure_ascii=False)}" if "default" in said else ""
                text = clean(said.get("description", "") or said.get("title", ""))
                lines += textwrap.wrap(f"{key}: {type_text(said)}{default} · {text}", room(), initial_indent=INDENT + "  ", subsequent_indent=INDENT + "    ")
    return lines


def shapes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The mappings with keys of their own that may stand in an option, outer ones first."""
    if "properties" in schema:
        yield schema
    parts = [
        schema.get("items"),
        schema.get("additionalProperties"),
        *schema.get("anyOf", ()),
        *schema.get("oneOf", ()),
        *schema.get("properties", {}).values(),
    ]
    for part in parts:
        if isinstance(part, Mapping):
            yield from shapes(part)


def title_of(shape: Mapping[str, Any]) -> str:
    """What a mapping is called: its kind where it has one, and its sentence."""
    kind = next((said["const"] for said in shape["properties"].values() if "const" in said), "")
    words = [f"kind {kind}" if kind else "a mapping", str(shape.get("description", "")).strip().rstrip(".")]
    return ": ".join(word for word in words if word)


def example(value: Any) -> list[str]:
    """An example as it would stand in a flow; a text of several lines keeps them."""
    if isinstance(value, str) and "\n" in value.strip():
        return ["for example", *(f"  {clean(line)}" for line in value.strip().splitlines())]
    return textwrap.wrap(f"for example {json.dumps(value, ensure_ascii=False)}", room() - len(INDENT))


def room() -> int:
    """Columns that a text may take: the terminal's, at most 100."""
    return max(40, min(100, shutil.get_terminal_size((100, 24)).columns))


def type_text(schema: Mapping[str, Any]) -> str:
    """The type that a JSON Schema (or a specification-style entry) asks for, in a few words."""
    if "enum" in schema:
        return " | ".join(json.dumps(v, ensure_ascii=False) for v in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(type_text(part) for part in schema[several]))
    kind = schema.get("type", "")
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if kind == "array":
        return f"list of {type_text(schema.get('items', {})) or 'values'}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"mapping of {type_text(schema['additionalProperties'])}"
    return {"": "any", "object": "mapping"}.get(kind, str(kind)) + bounds(schema)


def bounds(schema: Mapping[str, Any]) -> str:
    """The range of a number."""
    low, high = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum", schema.get("exclusiveMaximum"))
    return f" {low}…{high}" if low is not None and high is not None else f" ≥ {low}" if low is not None else f" ≤ {high}" if high is not None else ""
