"""PYpeline: draw data flows, keep them as YAML, run them anywhere.

The names below are the public Python face; they are imported when first used, so that
``import pypeline`` costs nothing. Rooms inside the package never import from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Flow": "pypeline.schema.flow",
    "Problem": "pypeline.schema.problems",
    "read": "pypeline.schema.reader",
    "PipelineGraph": "pypeline.core.graph",
    "Plan": "pypeline.core.plan",
    "ModuleResult": "pypeline.core.results",
    "BaseModule": "pypeline.core.modules",
    "RunContext": "pypeline.core.modules",
    "ArtifactManager": "pypeline.runner.tables.artifacts",
    "Scheduler": "pypeline.runner.scheduler",
    "LocalScheduler": "pypeline.runner.engines.local",
}

__all__ = ["__version__", *_PUBLIC]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'pypeline' has no attribute {name!r}")
