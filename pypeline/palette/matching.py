"""Paths and patterns as file modules take them: relative ones start at the flow's folder."""

from __future__ import annotations

import glob
import os


def is_pattern(path: str) -> bool:
    """Whether ``path`` holds ``*``, ``?`` or ``[``."""
    return glob.has_magic(path)


def matching(path: str, folder: str) -> list[str]:
    """Absolute paths of what ``path`` names, in name order: itself, if it is there, or what fits its pattern.

    ``**`` goes through all folders below; names that begin with a dot fit only where the pattern says the dot.
    """
    full = os.path.join(folder, path)
    if not is_pattern(path):
        return [full] if os.path.lexists(full) else []
    # the folder is no part of the pattern, whatever its name holds
    if os.path.isabs(path):
        return sorted(glob.glob(path, recursive=True))
    return sorted(os.path.join(folder, found) for found in glob.glob(path, root_dir=folder, recursive=True))
