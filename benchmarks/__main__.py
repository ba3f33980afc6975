"""All benchmarks one after the other: `python -m benchmarks [--rows N] [--out FOLDER] [NAME …]`.

Out: their tables on standard output, and each as Markdown and JSON in ``benchmarks/out``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks import data

HERE = Path(__file__).resolve().parent
NAMES = {name: f"benchmarks.{name}" for name in ("start", "scheduler", "canvas", "window", "heartbeat")} | {"tables": "benchmarks.tables.run"}


def main() -> int:
    """Run the named ones, or all; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="The figures of docs/benchmarks.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (default: all)")
    parser.add_argument("--rows", type=int, default=data.ROWS, help=f"orders of the table flows (default: {data.ROWS})")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder for Markdown and JSON (default: benchmarks/out)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]}; known: {', '.join(NAMES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in options.names or NAMES:
        print(f"\n## {name}\n", flush=True)
        command = [sys.executable, "-m", NAMES[name], "--json", str(options.out / f"{name}.json")]
        command += ["--rows", str(options.rows)] if name in {"tables", "window"} else []
        done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, flush=True)
        (options.out / f"{name}.md").write_text(done.stdout, "utf-8")
        failed |= done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
