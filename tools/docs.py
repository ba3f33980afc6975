"""The pages of docs/ that come from the code: error codes, functions, module types, pictures.

`python tools/docs.py` writes them, `--check` says which are not as the code would make them and
ends with 1. A test does the same, so that no page can lag behind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from html import escape
from itertools import takewhile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
MADE = "<!-- made by tools/docs.py; change the code and run `make docs` -->\n\n"

_SECTIONS = (
    ("PYE1", "Load: reading the file"),
    ("PYE2", "Graph: ids, ports, links, valves, variables"),
    ("PYE3", "Config: module types, options, expressions, SQL"),
    ("PYE4", "Run"),
    ("PYE5", "Store: the run folder"),
)
_GROUPS = {"text": "Text", "number": "Numbers", "date": "Dates and times", "choice": "Choices and nulls", "list": "Lists", "aggregate": "Aggregates"}
_KINDS = (("source", "Sources"), ("mod", "Transforms"), ("sink", "Sinks"), ("solo", "Solos"))
_EFFECTS = {
    "pure": "computes only; previews run it",
    "reads": "reads; previews run it",
    "writes": "writes; previews never run it",
    "code": "runs code; previews show what the last run kept",
}


def pages() -> Iterator[tuple[Path, str]]:
    """Every generated page: its path below docs/ and its text."""
    yield Path("errors.md"), errors()
    yield Path("functions.md"), functions()
    declarations: dict[str, dict[str, Any]] = json.loads((ROOT / "pypeline/resources/declarations.json").read_text(encoding="utf-8"))
    yield Path("modules/README.md"), modules(declarations)
    for name, declared in sorted(declarations.items()):
        yield Path(f"modules/{name}.md"), module(name, declared)
    yield Path("images/rooms.svg"), rooms()
    yield Path("images/shop.svg"), example(declarations)


def errors() -> str:
    """The table of codes, a section for each hundred."""
    from pypeline.schema.codes import CODES

    parts = [
        MADE,
        "# Error codes\n\n",
        "Every problem has a code that never changes its meaning. In the terminal it reads\n",
        "`CODE file:line:column what is wrong. how to mend it`; `pype explain CODE` prints the entry below.\n",
    ]
    for prefix, title in _SECTIONS:
        parts.append(f"\n## {title}\n")
        for code in CODES.values():
            if code.code.startswith(prefix):
                parts.append(f"\n### {code.code}: {code.title}\n\n{code.why}\n\n**What to do:** {code.mend}\n")
    return "".join(parts)


def functions() -> str:
    """All functions of the expression language."""
    from pypeline.core.functions import FUNCTIONS

    parts = [
        MADE,
        "# Functions\n\n",
        "What may be called in an expression. Nothing else can: no function reads a file, a setting, the clock or a random number.\n",
        "Every example here is run by a test.\n",
    ]
    for group, title in _GROUPS.items():
        parts.append(f"\n## {title}\n\n| call | gives | example | is |\n|---|---|---|---|\n")
        for one in FUNCTIONS.values():
            if one.group == group:
                parts.append(f"| `{_cell(one.signature)}` | {_cell(one.line)} | `{_cell(one.example)}` | `{_cell(one.result)}` |\n")
    return "".join(parts)


def modules(declarations: Mapping[str, Mapping[str, Any]]) -> str:
    """The list of built-in types."""
    parts = [MADE, "# Module types\n\nOne page each; `pype describe NAME` shows the same in the terminal.\n"]
    for kind, title in _KINDS:
        parts.append(f"\n## {title}\n\n| type | what it does |\n|---|---|\n")
        for name, declared in sorted(declarations.items()):
            if declared["type"] == kind:
                parts.append(f"| [`{name}`]({name}.md) | {_cell(declared['description'])} |\n")
    return "".join(parts)


def module(name: str, declared: Mapping[str, Any]) -> str:
    """One type's page."""
    more = declared["declaration"]
    schema = more.get("json_schema") or {}
    rules = more.get("port_rules") or {}
    outputs = [*declared["output_ports"], *(["and those that the config names"] if "outputs_from" in rules else [])]
    inputs = [f"{port} (any number of links)" if rules.get(port) == "many" else port for port in declared["input_ports"]]
    facts = [
        ("kind", declared["type"]),
        ("inputs", ", ".join(inputs) or "none"),
        ("outputs", ", ".join(outputs) or "none"),
        ("effect", f"{more['effects']}: {_EFFECTS[more['effects']]}"),
        ("fused into SQL", "yes" if more.get("relational") else "no"),
        ("equal input, equal output", "yes" if more.get("deterministic") else "not promised"),
        ("globals", ", ".join(f"`{g}`" for g in declared["globals"]) or "none"),
        ("packages", ", ".join(declared["packages"]) or "none beyond PYpeline's own"),
    ]
    parts = [MADE, f"# {name}\n\n{declared['description']}.\n\n| | |\n|---|---|\n", *(f"| {key} | {_cell(value)} |\n" for key, value in facts)]
    required = set(declared["config_schema"]["required"])
    properties: Mapping[str, Any] = schema.get("properties") or {
        **declared["config_schema"]["required"], **declared["config_schema"]["optional"],
    }  # fmt: skip
    for title, chosen in (("Required", required), ("Optional", set(properties) - required)):
        if chosen:
            parts.append(f"\n## {title}\n\n| option | type | default | meaning |\n|---|---|---|---|\n")
            parts += [_option(key, value, schema, title == "Optional") for key, value in properties.items() if key in chosen]
            parts += [_shapes(key, value, schema) for key, value in properties.items() if key in chosen]
    return "".join([*parts, *_example(name)])


def _shapes(name: str, said: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The mappings that may stand in an option: a table each."""
    from pypeline.app.cli.describe import shapes, title_of

    parts = []
    for shape in shapes(said):
        keys = {key: value for key, value in shape["properties"].items() if "const" not in value}
        must = set(shape.get("required", ()))
        parts.append(f"\nIn `{name}`, {_cell(title_of(shape))}:\n\n| key | type | default | meaning |\n|---|---|---|---|\n")
        parts += [_option(key, value, schema, key not in must) for key, value in keys.items()]
    return "".join(parts)


def _example(name: str) -> Iterator[str]:
    """A flow that runs, from examples/: its first lines say what to look at, and what is seen then."""
    text = (ROOT / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
    head = [line.removeprefix("#").removeprefix(" ") for line in text.splitlines() if line.startswith("#")]
    flow = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    words = list(takewhile(lambda line: not line.startswith("$ "), head))
    yield "\n## Example\n\n" + "\n".join(words) + "\n\n"
    for file in sorted((ROOT / "examples" / "data").iterdir()):
        if f"data/{file.name}" in text or "folder: data" in text:
            yield f"```text file=data/{file.name}\n{file.read_text(encoding='utf-8')}```\n\n"
    for part in sorted((ROOT / "examples" / "parts").iterdir()):
        if f"parts/{part.name}" in flow:
            yield f"```yaml flow file=parts/{part.name}\n{part.read_text(encoding='utf-8')}```\n\n"
    yield f"```yaml flow file={name}.yaml\n{flow}```\n\n"
    yield "```console\n" + "\n".join(head[len(words) :]) + "\n```\n"


def _option(name: str, said: Mapping[str, Any], schema: Mapping[str, Any], optional: bool) -> str:
    default = f"`{_cell(json.dumps(said['default'], ensure_ascii=False))}`" if optional and "default" in said else ""
    text = str(said.get("description") or said.get("title") or "")
    examples = said.get("examples") or []
    shown = f" For example {_sample(examples[0])}." if examples else ""
    return f"| `{name}` | {_cell(_type(said, schema))} | {default} | {_cell(text)}{shown} |\n"


def _sample(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return f"`{_cell(text)}`"


def _type(said: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """A JSON Schema type in a few words."""
    if "$ref" in said:
        inner = schema.get("$defs", {}).get(str(said["$ref"]).rpartition("/")[2], {})
        fields = ", ".join(inner.get("properties", {}))
        return f"mapping of {fields}" if fields else _type(inner, schema)
    if "enum" in said:
        return ", ".join(str(value) for value in said["enum"])
    if "const" in said:
        return str(said["const"])
    for key in ("anyOf", "oneOf"):
        if key in said:
            kinds = dict.fromkeys(_type(one, schema) for one in said[key] if one.get("type") != "null")
            return " or ".join(kinds) + (" or null" if any(one.get("type") == "null" for one in said[key]) else "")
    if said.get("type") == "array":
        return f"list of {_type(said.get('items', {}), schema)}"
    if said.get("type") == "object":
        values = said.get("additionalProperties")
        return f"mapping to {_type(values, schema)}" if isinstance(values, Mapping) and values else "mapping"
    plain = {
        "string": "text",
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "str": "text",
        "int": "whole number",
        "bool": "true or false",
    }
    return plain.get(str(said.get("type", "")), "any value")


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def rooms() -> str:
    """The rooms as a picture: who stands on whom."""
    from pypeline.core.picture import style
    from pypeline.resources.theme import SMALL_SIZE, TEXT_SIZE

    floors: tuple[tuple[tuple[str, str], ...], ...] = (
        (("app", "what a person starts: the command line and the window"),),
        (("canvas", "the drawing surface (Qt)"), ("palette", "the modules one can place")),
        (("sdk", "what module authors import"),),
        (("runner", "how a plan runs: registry, scheduler, engines, tables, store, history"),),
        (("core", "the meaning: graph, valves, expressions, planner, run state, layout"),),
        (("schema", "the file: models, strict reader, byte-preserving writer"),),
        (("resources", "icons, themes, sample flows"),),
    )
    width, height, gap, left = 680, 48, 10, 20
    parts: list[str] = []
    y = 20
    for floor in floors:
        each = (width - gap * (len(floor) - 1)) / len(floor)
        # the canvas knows no runner, and the palette sees nothing but the sdk
        for index, (name, line) in enumerate(floor):
            x = left + index * (each + gap)
            parts.append(f'<rect class="card" x="{x:g}" y="{y}" width="{each:g}" height="{height}" rx="9"/>')
            parts.append(f'<text class="text strong" x="{x + 16:g}" y="{y + 21}" font-size="{TEXT_SIZE:g}">{escape(name)}</text>')
            parts.append(f'<text class="muted small" x="{x + 16:g}" y="{y + 37}" font-size="{SMALL_SIZE:g}">{escape(line)}</text>')
        y += height + gap
    whole = width + 2 * left
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pype-flow" role="img" aria-label="The rooms, imports point down" viewBox="0 0 {whole} {y + 10}" '
        f'width="{whole}" height="{y + 10}">\n<title>The rooms: imports only ever point down</title>\n<style>{style("auto")}</style>\n'
        f'<rect class="ground" width="{whole}" height="{y + 10}" rx="10"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def example(declarations: Mapping[str, Mapping[str, Any]]) -> str:
    """The sample project's flow as `pype picture` draws it."""
    from pypeline.core.declare import from_registry
    from pypeline.core.picture import svg
    from pypeline.schema.reader import read_file

    flow = read_file(ROOT / "pypeline/resources/examples/shop/shop.yaml").flow
    if flow is None:
        raise SystemExit("the sample flow does not read")
    return svg(flow, {name: from_registry(name, dict(declared)) for name, declared in declarations.items()}, theme="auto")


def main(arguments: list[str]) -> int:
    """Write or check all pages; pages of types that are gone are removed or reported."""
    check = "--check" in arguments
    made = dict(pages())
    stale = [path for path, text in made.items() if not (DOCS / path).is_file() or (DOCS / path).read_text(encoding="utf-8") != text]
    gone = [path.relative_to(DOCS) for path in sorted((DOCS / "modules").glob("*.md")) if path.relative_to(DOCS) not in made]
    for path in [*stale, *gone]:
        if check:
            print(f"docs/{path} is not as the code makes it: run `make docs`")
        elif path in made:
            (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / path).write_text(made[path], encoding="utf-8")
            print(f"docs/{path}")
        else:
            (DOCS / path).unlink()
            print(f"docs/{path} removed")
    return 1 if check and (stale or gone) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
