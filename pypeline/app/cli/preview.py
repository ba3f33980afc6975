"""`pype preview FLOW LINK`: the first rows that a link would carry, or carried in the last run; also of a port that no link leaves yet."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pypeline.app.cli.output import Style, plural
from pypeline.app.cli.parser import Parser, with_context, with_json
from pypeline.app.cli.table import arrow_text
from pypeline.core.catalogue import Catalogue
from pypeline.schema.flow import Flow
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean

CODE_ABOVE = "PYE464"


def arguments(parser: Parser) -> None:
    parser.add_argument("flow", type=Path, metavar="FLOW", help="a flow file (.yaml), or a job folder")
    parser.add_argument("link", metavar="LINK", help="a data link as the flow writes it, `a.port - b.port`, or an output port, `a.port`")
    parser.add_argument("--rows", type=int, default=20, metavar="N", help="how many rows (default: 20)")
    with_context(parser)
    with_json(parser, "columns and rows")
    parser.epilog_example("pype preview flow.yaml orders.data", 'pype preview flow.yaml "orders.data - once.input" --rows 5 --json')


def run(options: argparse.Namespace) -> int:
    from pypeline.app.cli.binding import first_rows
    from pypeline.app.cli.opening import accept, checked, opened, planned

    found = opened(options.flow)
    accept(checked(found, options))
    port = port_of(options.link, found.flow, outputs(found.flow, found.catalogue), str(options.flow))
    _, plan = planned(found, options)
    seen = ""
    with tempfile.TemporaryDirectory(prefix="pypeline_") as folder:
        path = Path(folder, "rows.arrow")
        try:
            first_rows(plan, found.flow, port, options.rows, path)
        except PypeError as error:
            kept = last_sample(found.folder, found.flow, port)
            if error.problems[0].code != CODE_ABOVE or kept is None:
                raise
            path, seen = kept
        show_rows(path, port, seen, options)
    return 0


def outputs(flow: Flow, catalogue: Catalogue) -> list[str]:
    """Every ``module.port`` that rows may leave by, in the order of the file."""
    declared = [f"{module.id}.{port}" for module in flow.modules if module.name in catalogue for port in catalogue[module.name].output_ports]
    return list(dict.fromkeys([*declared, *(f"{link.source}.{link.source_port}" for link in flow.connections.data)]))


def port_of(text: str, flow: Flow, ports: Sequence[str], file: str) -> str:
    """``module.port`` of a link's source, or one of ``ports`` as it is.

    Raises:
        PypeError: PYE486, the flow has no such link or port.
    """
    links = {str(link): f"{link.source}.{link.source_port}" for link in flow.connections.data}
    wanted = " ".join(text.split())
    if wanted in links:
        return links[wanted]
    if wanted in ports:
        return wanted
    own = [port for port in ports if port.partition(".")[0] == wanted]
    if own:
        raise PypeError(Problem("PYE486", f"`{wanted}` is a module, not a port", Place(file=file), f"Its ports are {', '.join(f'`{port}`' for port in own)}."))
    hint = did_you_mean(wanted, links if " - " in wanted else ports)
    raise PypeError(Problem("PYE486", f"there is no {'link' if ' - ' in wanted else 'output port'} `{wanted}`", Place(file=file), hint[:1].upper() + hint[1:]))


def last_sample(folder: Path, flow: Flow, port: str) -> tuple[Path, str] | None:
    """The rows of ``port`` that the newest run kept, and which run that was."""
    from pypeline.runner.history.summary import runs
    from pypeline.runner.store.bundle import home

    for record in runs(home(folder)):
        kept = record.path / "previews" / f"{port}.arrow"
        if record.flow == flow.flow.name and kept.is_file():
            return kept, record.name
    return None


def show_rows(path: Path, port: str, seen: str, options: argparse.Namespace) -> None:
    """The rows in an Arrow file, as a table or as JSON; ``seen`` names the run they come from, if it was one."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        rows = pa.ipc.open_file(source).read_all().slice(0, options.rows)
    style = Style(sys.stdout)
    if options.json:
        values = [list(row.values()) for row in rows.to_pylist()] if rows.num_columns else []
        plain = {"port": port, "run": seen or None, "columns": [{"name": f.name, "type": str(f.type)} for f in rows.schema], "rows": values}
        print(json.dumps(plain, indent=2, ensure_ascii=False, default=text_of))
        return
    print(arrow_text(rows, style, columns=shutil.get_terminal_size((160, 24)).columns, most_rows=options.rows))
    print(style.faint(f"{plural(rows.num_rows, 'row')} of {port}" + (f", as run {seen} kept them" if seen else "") + " · ∅ is null"))


def text_of(value: Any) -> str:
    """What JSON has no type for, as text: dates, decimals, bytes."""
    return value.hex() if isinstance(value, bytes) else str(value)
