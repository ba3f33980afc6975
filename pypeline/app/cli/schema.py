"""`pype schema FLOW [MODULE]`: columns of every port. `pype schema --json`: the JSON Schema of flow files."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, usage, with_context, with_json
from pypeline.core.aligned import table
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean


def arguments(parser: Parser) -> None:
    parser.add_argument(
        "flow", nargs="?", type=Path, metavar="FLOW", help="a flow file or job folder; without it, and with --json: the JSON Schema of flow files"
    )
    parser.add_argument("module", nargs="?", metavar="MODULE", help="only the ports of this module")
    with_context(parser)
    with_json(parser)
    parser.epilog_example("pype schema flow.yaml", "pype schema flow.yaml orders", "pype schema --json > flow.schema.json")


def run(options: argparse.Namespace) -> int:
    if options.flow is None:
        if not options.json:
            raise PypeError(usage("pype schema", "a flow file is missing", "Give a flow for its columns, or --json for the JSON Schema."))
        return composed()
    from pypeline.app.cli.binding import bind
    from pypeline.app.cli.opening import accept, checked, opened, planned

    found = opened(options.flow)
    accept(checked(found, options))
    if options.module is not None and options.module not in (ids := [m.id for m in found.flow.modules]):
        hint = did_you_mean(options.module, ids)
        raise PypeError(Problem("PYE486", f"the flow has no module `{options.module}`", Place(file=str(options.flow)), hint[:1].upper() + hint[1:]))
    schemas, problems = bind(planned(found, options, deep=True)[1], found.flow)
    accept(problems)
    ports = {port: schema for port, schema in schemas.items() if options.module in (None, port.partition(".")[0])}
    if options.json:
        plain = {port: [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in schema] for port, schema in ports.items()}
        print(json.dumps(plain, indent=2, ensure_ascii=False))
        return 0
    style = Style(sys.stdout)
    same: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for port, schema in ports.items():
        same.setdefault(tuple((c.name, c.type) for c in schema), []).append(port)
    for columns, names in same.items():
        print("\n".join(style.bold(line) for line in textwrap.wrap(", ".join(names), 100)))
        print("\n".join(f"  {line}" for line in table(["column", "type"], columns).splitlines()), end="\n\n")
    print(style.faint(f"next: pype preview {options.flow} MODULE.PORT"))
    return 0


def composed() -> int:
    """The JSON Schema of a flow file, with the configs of every module type known here."""
    from pypeline.runner.registry import load
    from pypeline.schema.jsonschema import flow_schema

    catalogue = load(Path.cwd())
    print(json.dumps(flow_schema({d.name: d.json_schema for d in catalogue.values() if d.json_schema is not None}), indent=2, ensure_ascii=False))
    return 0
