"""What a press on the canvas meets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pypeline.canvas.document import Link


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under a point: a module (and one of its ports), a link, a control link, a frame's head, or nothing."""

    kind: Literal["", "module", "port", "link", "control", "frame"] = ""
    module: str = ""
    side: str = ""
    port: str = ""
    link: Link | None = None
    members: tuple[str, ...] = ()
