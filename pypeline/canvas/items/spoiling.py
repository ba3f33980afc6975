"""How an item says that it looks different."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsItem

if TYPE_CHECKING:
    from pypeline.canvas.scene import FlowScene


def spoil(item: QGraphicsItem, area: QRectF, *, ground: bool = False, lod: float = 0.0) -> None:
    """``item`` looks different in ``area``, to who looks from ``lod`` or nearer: on top, or on the ``ground``."""
    scene = cast("FlowScene | None", item.scene())
    if scene is not None:
        scene.spoil(item, area, ground=ground, lod=lod)
