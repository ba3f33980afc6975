"""Hot reload: what a person changes in a module file while the project is open is what the next run uses.

A registered file is trusted as it was registered. Whoever has the project open and finds such a file
unchanged trusts its later changes as well: they are registered anew, by importing the file once in a
process of its own. A file that had changed *before* is not; it has to be looked at and registered
by hand. Run as a program it registers the files that its arguments name.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from pypeline.core.catalogue import Catalogue
from pypeline.runner import registry
from pypeline.runner.wire import problem_from_json
from pypeline.schema.problems import Problem, PypeError

PATIENCE = 60.0
"""Seconds that importing the changed files may take."""


class Reloader:
    """Watches the registered module files of one project, from the moment it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trusted = {name for name, (registered, now) in registry.folder_hashes(folder).items() if registered == now}

    async def refresh(self) -> Catalogue | None:
        """The types of the project after its trusted files that have changed were registered anew; None when none has.

        Raises:
            PypeError: a changed file is no good module any more (PYE375, PYE376), or importing it does not end (PYE376).
        """
        found = await asyncio.to_thread(registry.folder_hashes, self.folder)
        self._trusted |= {name for name, (registered, now) in found.items() if registered == now}
        changed = [name for name, (registered, now) in found.items() if registered != now and name in self._trusted]
        if not changed:
            return None
        command = [sys.executable, "-P", "-m", "pypeline.runner.reload", str(self.folder), *changed]
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True)
        try:
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        except TimeoutError:
            process.kill()
            message = f"importing {', '.join(f'`{name}`' for name in changed)} took longer than {PATIENCE:.0f} s"
            raise PypeError(Problem("PYE376", message, mend="Do nothing lengthy while a module file is imported.")) from None
        # what the files print comes first
        said = out.decode("utf-8", "replace").rpartition("\0")[2]
        if process.returncode or not said:
            last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise PypeError(Problem("PYE376", f"{', '.join(f'`{name}`' for name in changed)} cannot be imported: {last}", mend="Correct the file."))
        problems = [problem_from_json(problem) for problem in json.loads(said)]
        if problems:
            raise PypeError(*problems)
        return registry.load(self.folder)


def main(folder: str, *names: str) -> int:
    """Register the project's types ``names`` anew; the problems go to standard output as JSON, after a NUL."""
    problems: list[Problem] = []
    for name in names:
        try:
            registry.register_module(str(registry.file_of(name, folder)), folder)
        except PypeError as error:
            problems.extend(error.problems)
    print("\0" + json.dumps([problem.to_json() for problem in problems]), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
