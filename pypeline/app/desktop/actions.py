"""The one table of actions: menus, toolbar, keys, command palette, docs and tests are made from it.

An action's ``run`` names a method of the window or of one of its hands (``editing.undo``); ``when`` names what must hold. Nothing else in the
window binds a key.
"""

from __future__ import annotations

from typing import Literal

from pypeline.schema.record import record

When = Literal["always", "saved", "selection", "modules", "undo", "redo", "idle", "running", "one", "child", "entered"]


@record
class Action:
    """``id`` is stable; ``menu`` is the menu it stands in; ``keys`` as Qt spells them; ``hint`` one line of help; ``short`` the title where room is scarce."""

    id: str
    title: str
    menu: str
    run: str
    keys: tuple[str, ...] = ()
    icon: str = ""
    when: When = "always"
    hint: str = ""
    short: str = ""


ACTIONS: tuple[Action, ...] = (
    Action("file.new", "New flow", "File", "filing.new", ("Ctrl+N",), "new", hint="Start an empty flow."),
    Action("file.open", "Open…", "File", "filing.open_dialog", ("Ctrl+O",), "open", hint="Open a flow file. Opening never runs anything."),
    Action("file.back", "Back to the outer flow", "File", "filing.leave_child", ("Alt+Left",), when="entered", hint="The flow from which this one was opened."),
    Action("file.save", "Save", "File", "filing.save", ("Ctrl+S",), "save", hint="Write the flow; only what changed is touched in the file."),
    Action("file.save_as", "Save as…", "File", "filing.save_dialog", ("Ctrl+Shift+S",), hint="Write the flow to another file."),
    Action("file.build", "Build job", "File", "filing.build", ("Ctrl+B",), "build", "saved", hint="Make a job folder that runs by itself."),
    Action(
        "file.register",
        "Register module folder…",
        "File",
        "filing.register_dialog",
        icon="folder",
        when="saved",
        hint="Make modules of your own known.",
    ),
    Action("file.close", "Close window", "File", "close", ("Ctrl+Q",), hint="Close; asks when something would be lost."),
    Action("edit.undo", "Undo", "Edit", "editing.undo", ("Ctrl+Z",), "undo", "undo", hint="Take back the last edit."),
    Action("edit.redo", "Redo", "Edit", "editing.redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "redo", hint="Do it again."),
    Action("edit.copy", "Copy", "Edit", "editing.copy", ("Ctrl+C",), "copy", "modules", hint="Copy modules and the links among them as YAML."),
    Action("edit.cut", "Cut", "Edit", "editing.cut", ("Ctrl+X",), when="modules", hint="Copy and delete."),
    Action("edit.paste", "Paste", "Edit", "editing.paste", ("Ctrl+V",), hint="Put copied modules here, also from another window or a text."),
    Action("edit.duplicate", "Duplicate", "Edit", "editing.duplicate", ("Ctrl+D",), when="modules", hint="A second one of each selected module."),
    Action("edit.delete", "Delete", "Edit", "editing.delete", ("Del", "Backspace"), "delete", "selection", hint="Delete what is selected and its links."),
    Action("edit.select_all", "Select all", "Edit", "editing.select_all", ("Ctrl+A",), hint="Select every module."),
    Action(
        "edit.detach", "Detach and heal", "Edit", "editing.detach", ("Ctrl+Shift+D",), when="modules", hint="Take modules out of their line; close the gap."
    ),
    Action(
        "edit.enable",
        "Enable or disable",
        "Edit",
        "editing.toggle_enabled",
        ("Ctrl+E",),
        when="modules",
        hint="A disabled module does not run.",
    ),
    Action("edit.child", "Open its flow", "Edit", "filing.enter_child", ("Ctrl+Return",), "open", "child", hint="Open the flow that the selected module runs."),
    Action("edit.find", "Find a module…", "Edit", "find_module", ("Ctrl+F",), "search", hint="Find a module in this flow by its name."),
    Action("edit.commands", "All commands…", "Edit", "command_palette", ("Ctrl+K",), short="Ctrl K", hint="Every action by a few letters of its name."),
    Action("view.fit", "Fit the flow", "View", "looking.fit", ("Ctrl+0",), "fit", hint="See all of it."),
    Action("view.actual", "Actual size", "View", "looking.actual_size", ("Ctrl+1",), hint="100 %."),
    Action("view.in", "Zoom in", "View", "looking.zoom_in", ("Ctrl++", "Ctrl+="), "plus"),
    Action("view.out", "Zoom out", "View", "looking.zoom_out", ("Ctrl+-",), "minus"),
    Action("view.layout", "Arrange", "View", "editing.arrange", ("Ctrl+L",), "layout", hint="Place the modules neatly: all, or the selected ones."),
    Action("view.theme", "Light or dark", "View", "toggle_theme", ("Ctrl+T",), "moon"),
    Action("view.palette", "Show palette", "View", "toggle_palette", ("F7",)),
    Action("view.dock", "Show panels below", "View", "toggle_dock", ("F8",)),
    Action("view.inspector", "Show inspector", "View", "toggle_inspector", ("F9",)),
    Action("run.run", "Run", "Run", "running.run", ("F5", "Ctrl+R"), "run", "idle", hint="Run the flow as drawn."),
    Action("run.to", "Run to here", "Run", "running.run_to", ("Shift+F5",), "run_to", "one", hint="Run what leads to the selected module."),
    Action("run.stop", "Stop", "Run", "running.stop", ("Shift+Esc",), "stop", "running", hint="Stop politely; a second time, at once."),
    Action("run.validate", "Validate", "Run", "running.validate", ("F6",), "validate", hint="Check the flow and show every problem."),
    Action(
        "run.report",
        "Report of the last run",
        "Run",
        "running.open_report",
        when="idle",
        icon="runs",
        short="Report",
        hint="The run as one page in the browser.",
    ),
    Action("help.keys", "Keys", "Help", "show_keys", ("F1",), hint="All actions with their keys."),
    Action("help.about", "About PYpeline", "Help", "about"),
)

MENUS = ("File", "Edit", "View", "Run", "Help")
BY_ID = {action.id: action for action in ACTIONS}
