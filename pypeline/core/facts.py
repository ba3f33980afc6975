"""Facts: everything planning needs from the world, gathered once and frozen.

``runner/facts.py`` gathers them (files, headers, code, machine); the planner is a pure function of
a flow and its facts. Equal facts give equal plans, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pypeline.core.catalogue import Catalogue
from pypeline.core.columns import Schema
from pypeline.schema.record import record


@record
class FileFact:
    """A source file's identity. ``digest`` (xxh3-128, hex) is empty where only the stat was taken."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    digest: str = ""


@record
class SourceFacts:
    """What a file source will read: its files, the header row found, and the columns it will have.

    ``sniffed`` says that types were guessed because the flow declares none; ``dialect`` holds what
    was found with them (delimiter, quote, encoding).
    """

    files: tuple[FileFact, ...] = ()
    header: tuple[str, ...] = ()
    columns: Schema = ()
    sniffed: bool = False
    dialect: Mapping[str, Any] = field(default_factory=dict)


@record
class Machine:
    """What this machine (or its cgroup) offers."""

    cpus: int = 1
    memory: int = 2**31


@record
class Facts:
    """``folder`` is where relative paths start (the flow's or the job's folder); ``context`` holds
    the context variables of the chosen environment, ``env`` the allowed environment variables,
    ``code`` type name → code hash, ``versions`` package → version, ``profile`` the resources of the
    profile that ``settings.profile`` names."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    folder: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, SourceFacts] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Machine = field(default_factory=Machine)
    profile: Mapping[str, Any] = field(default_factory=dict)
