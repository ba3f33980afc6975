"""Hot reload: one long-lived process, its engine host and its runs use a changed module file from the next run on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pypeline.core.planner import plan
from pypeline.runner import registry
from pypeline.runner.facts import gather
from pypeline.runner.host import EngineHost
from pypeline.runner.reload import Reloader
from pypeline.runner.run import RunSummary, execute
from pypeline.schema.problems import PypeError
from pypeline.schema.reader import read
from tests.runner.conftest import Project, flow, note


class Window:
    """What the window's session does from Run on, without Qt."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder = folder
        found = read(text.encode()).flow
        assert found is not None
        self.flow = found
        self.catalogue = registry.load(folder)
        self.reloader = Reloader(folder)
        self.host = EngineHost()

    async def run(self) -> RunSummary:
        fresh = await self.reloader.refresh()
        self.catalogue = fresh or self.catalogue
        made = plan(self.flow, gather(self.flow, self.catalogue, self.folder))
        await self.host.bind(made)
        return await execute(made, folder=self.folder, on_event=lambda _event: None)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_next_run_uses_the_changed_file_without_a_restart(project: Project) -> None:
    f = project.folder
    (f / "modules" / "words.py").write_text('WORD = "helped"\n')
    window = Window(f, flow(note("a", f)))
    file = f / "modules" / "note.py"

    async def main() -> None:
        await window.run()
        edit(file, 'self.write("done", text)', 'self.write("done", "changed")')
        await window.run()
        # what it reaches counts as its code
        edit(file, 'self.write("done", "changed")', 'from modules.words import WORD\n        self.write("done", WORD)')
        await window.run()
        edit(f / "modules" / "words.py", "helped", "better")
        await window.run()
        assert await window.reloader.refresh() is None
        await window.host.close()

    asyncio.run(main())
    assert project.lines("done") == ["a", "changed", "helped", "better"]


def test_a_file_that_breaks_is_named_and_a_mended_one_runs(project: Project) -> None:
    f = project.folder
    window = Window(f, flow(note("a", f)))
    file = f / "modules" / "note.py"

    async def main() -> None:
        edit(file, "class Note(BaseModule):", "class Note(BaseModule:")
        with pytest.raises(PypeError) as refused:
            await window.run()
        assert [(p.code, p.place.file) for p in refused.value.problems] == [("PYE376", "modules/note.py")]
        edit(file, "class Note(BaseModule:", "print('said while it is imported')\n\n\nclass Note(BaseModule):")
        assert (await window.run()).state == "completed"
        await window.host.close()

    asyncio.run(main())


def test_a_file_that_had_changed_before_is_not_trusted(project: Project) -> None:
    f = project.folder
    edit(f / "modules" / "note.py", 'self.write("done", text)', 'self.write("done", "not looked at")')
    window = Window(f, flow(note("a", f)))

    async def main() -> RunSummary:
        summary = await window.run()
        await window.host.close()
        return summary

    summary = asyncio.run(main())
    assert summary.error is not None
    assert summary.error.code == "PYE381"
    assert project.lines("done") == []
