"""Sinks in loops: which of them collect their rows frame by frame, and after which loop they are joined.

A sink whose target is the same in every frame would write it anew in each: with ``append`` it collects
instead, and all rows are written once, in the order of the frames, when the outermost loop that its
target does not vary with is over. A buffer always collects. What names a file of its own in every
frame (``{{iter.…}}``, a global set in the same frame) writes it there and then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from pypeline.core.modules import Effects
from pypeline.core.planned import PlannedModule
from pypeline.core.variables import VariableError, find

TARGET_FIELDS = ("output_path", "file_path", "path")
"""Config fields of a sink that name the file it writes."""
BUFFER = "buffer_sink"
"""The type of sink that keeps its rows in the run; known by name, like the gate."""


def target(configs: Mapping[str, Any]) -> tuple[str, str] | None:
    """The field of a sink's config that names its file, and what it says."""
    return next(((name, configs[name]) for name in TARGET_FIELDS if isinstance(configs.get(name), str)), None)


def same_in(text: str, loops: Sequence[int], loops_of: Callable[[str], Collection[int]]) -> int | None:
    """The outermost of ``loops`` (innermost first) in all of whose frames ``text`` is the same; None if it
    varies with the innermost. ``loops_of`` gives the loops around a module that sets a global."""
    try:
        refs = find(text)
    except VariableError:
        return None
    if any(ref.kind == "iter" for ref in refs):
        return None
    varies = {loop for ref in refs if ref.kind == "global" for loop in loops_of(ref.module)}
    found = None
    for loop in loops:
        if loop in varies:
            break
        found = loop
    return found


def collecting(modules: Mapping[str, PlannedModule], loops_of: Callable[[str], Sequence[int]]) -> Iterator[tuple[str, int]]:
    """The sinks that collect, each with the loop after which it is joined. ``loops_of`` gives the loops
    around a module, innermost first."""
    for id, module in modules.items():
        if module.kind != "sink" or not module.relational:
            continue
        loops = loops_of(id)
        if not loops:
            continue
        if module.type == BUFFER:
            yield id, loops[-1]
            continue
        named = target(module.configs)
        if module.effects is Effects.WRITES and module.configs.get("mode") == "append" and named is not None:
            loop = same_in(named[1], loops, loops_of)
            if loop is not None:
                yield id, loop
