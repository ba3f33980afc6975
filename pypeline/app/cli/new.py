"""`pype new NAME`: a small flow to start from, with its data, that runs as it is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser
from pypeline.schema.problems import Place, Problem, PypeError

STARTER = """\
# A flow: modules do the work, data links carry tables between them.
# `pype validate {name}.yaml` checks it, `pype run {name}.yaml` runs it.
format: 1
flow:
  name: {name}
  version: 1.0.0
  description: People of age, oldest first
modules:
  - id: people
    name: inline_source
    configs:
      required:
        columns: {{name: string, age: int64}}
        rows:
          - [Ada, 36]
          - [Grace, 85]
          - [Tim, 12]
  - id: of_age
    name: filter_mod
    configs:
      required:
        condition: "age >= 18"
  - id: oldest_first
    name: sort_mod
    configs:
      required:
        keys: [{{column: age, direction: desc}}]
  - id: result
    name: csv_sink
    configs:
      required:
        output_path: {name}.csv
connections:
  data:
    - "people.data - of_age.input"
    - "of_age.output - oldest_first.input"
    - "oldest_first.output - result.input"
"""


def arguments(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="name of the flow; NAME.yaml is written")
    parser.add_argument("--folder", type=Path, default=Path(), help="where to write it (default: here)")
    parser.epilog_example("pype new people", "pype new people --folder flows")


def run(options: argparse.Namespace) -> int:
    from pypeline.schema.reader import read

    name = str(options.name).removesuffix(".yaml")
    text = STARTER.format(name=name)
    # the reader knows what a name may be; nothing is written that it would not read back
    result = read(text, "pype new")
    if result.flow is None:
        raise PypeError(*result.problems)
    path: Path = options.folder / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise PypeError(Problem("PYE487", f"`{path}` is there already", Place(file="pype new"), "Choose another name.")) from None
    style = Style(sys.stdout)
    print(f"{style.good('made')}  {path}")
    print(style.faint(f"next: pype run {path}"))
    return 0
