"""`pype describe NAME`: ports, effects and every option of one module type."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pypeline.app.cli.output import Style, clean
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.declare import to_registry
from pypeline.core.modules import ModuleDecl
from pypeline.runner.registry import load
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean


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
    """What one option takes, in two lines."""
    head = f"  {style.bold(name)}: {type_text(schema)}"
    if has_default and "default" in schema:
        head += style.faint(f" = {json.dumps(schema['default'], ensure_ascii=False)}")
    text = clean(schema.get("description", ""))
    if schema.get("examples"):
        text += f" e.g. {json.dumps(schema['examples'][0], ensure_ascii=False)}"
    return [head, f"      {text}"] if text else [head]


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
    unit = schema.get("x-pype", {}).get("unit", "")
    text = f" {low}…{high}" if low is not None and high is not None else f" ≥ {low}" if low is not None else f" ≤ {high}" if high is not None else ""
    return text + (f" {unit}" if unit else "")
