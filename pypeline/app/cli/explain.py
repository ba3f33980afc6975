"""`pype explain CODE`: what an error code means, why it exists and how to mend it. Alone: all codes."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from pypeline.app.cli.output import Style
from pypeline.app.cli.parser import Parser, with_json
from pypeline.core.aligned import table
from pypeline.schema.codes import CODES
from pypeline.schema.problems import Place, Problem, PypeError, did_you_mean


def arguments(parser: Parser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="a code such as PYE204; without it, a list of all")
    with_json(parser)
    parser.epilog_example("pype explain PYE100", "pype explain")


def run(options: argparse.Namespace) -> int:
    if options.code is None:
        rows = [asdict(code) for code in CODES.values()]
        if options.json:
            print(json.dumps(rows, indent=2, ensure_ascii=False))
            return 0
        print(table(["code", "meaning"], [[r["code"], r["title"]] for r in rows], most=90))
        print(Style(sys.stdout).faint("\nnext: pype explain CODE"))
        return 0
    name = str(options.code).upper()
    name = name if name.startswith("PYE") else f"PYE{name}"
    code = CODES.get(name)
    if code is None:
        hint = did_you_mean(name, CODES)
        mend = hint[:1].upper() + hint[1:] if hint.startswith("did") else "`pype explain` lists all."
        raise PypeError(Problem("PYE489", f"there is no code `{options.code}`", Place(file="pype explain"), mend))
    if options.json:
        print(json.dumps(asdict(code), indent=2, ensure_ascii=False))
        return 0
    style = Style(sys.stdout)
    print(f"{style.bold(code.code)}  {code.title}\n\n{code.why}\n\nWhat to do: {code.mend}")
    return 0
