"""Gestures that draw links: data from port to port, control from card to card."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsPathItem

from pypeline.canvas.document import Selection
from pypeline.canvas.gestures.gesture import NO_MODIFIER, Gesture
from pypeline.canvas.look import curve_path
from pypeline.canvas.paint import Glow
from pypeline.canvas.view import FlowView
from pypeline.core import edits, joining
from pypeline.core import geometry as g
from pypeline.schema.flow import ControlLink, DataLink, Flow

Dropped = Callable[[QPointF, str, str, str], None]
"""Called with the point, module, side and port when a link is dropped on empty canvas."""


class Connect(Gesture):
    """Draw a data link from a port, or take the end of ``old`` elsewhere.

    Fitting ports light up; over one that does not fit the view says why. Dropped on a card it takes
    the first port that fits; dropped on nothing it asks what to put there.
    """

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: FlowView, start: QPointF, module: str, side: str, port: str, dropped: Dropped, old: DataLink | None = None) -> None:
        super().__init__(view, start)
        self.module, self.side, self.port = module, side, port
        self.old = old
        self._dropped = dropped
        self._line = QGraphicsPathItem()
        self._line.setZValue(9)
        self.scene.lay_over(self._line)
        if old is not None:
            self.scene.link_items[str(old)].fade(True)
        self._fits = self._light()

    def _light(self) -> dict[tuple[str, str], DataLink]:
        """Light every port this link may end at; returns them."""
        fits: dict[tuple[str, str], DataLink] = {}
        flow, catalogue = self.document.flow, self.document.catalogue
        for id, item in self.scene.cards.items():
            glow: dict[str, Glow] = {}
            far_side = "in" if self.side == "out" else "out"
            for port in item.card.inputs if far_side == "in" else item.card.outputs:
                link = self._link(id, port.name)
                if not joining.why_not(flow, catalogue, link, self.old):
                    fits[(id, port.name)] = link
                    glow[f"{far_side}:{port.name}"] = "fits"
            item.light(glow)
        return fits

    def _link(self, module: str, port: str) -> DataLink:
        if self.side == "out":
            return DataLink(source=self.module, source_port=self.port, target=module, target_port=port)
        return DataLink(source=module, source_port=port, target=self.module, target_port=self.port)

    def _target(self, point: QPointF) -> tuple[DataLink | None, str]:
        """The link that a drop here would draw, and why there is none."""
        hit = self.scene.hit(point)
        if hit.kind == "port" and hit.side != self.side:
            link = self._fits.get((hit.module, hit.port))
            return link, "" if link else joining.why_not(self.document.flow, self.document.catalogue, self._link(hit.module, hit.port), self.old)
        if hit.kind in {"module", "port"} and hit.module != self.module:
            flow, catalogue = self.document.flow, self.document.catalogue
            if self.side == "out":
                link = joining.first_fit(flow, catalogue, self.module, self.port, hit.module, self.old)
            else:
                link = joining.first_feed(flow, catalogue, self.module, self.port, hit.module)
            return link, "" if link else f"no port of {hit.module} is free for this"
        return None, ""

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        link, reason = self._target(point)
        own = self.scene.cards[self.module].place_of(self.side, self.port)
        here: g.Point = (point.x(), point.y())
        if link is not None:
            end, far_side, port = (link.target, "in", link.target_port) if self.side == "out" else (link.source, "out", link.source_port)
            here = self.scene.cards[end].place_of(far_side, port)
        curve = g.link_curve(own, here) if self.side == "out" else g.link_curve(here, own)
        self._line.setPath(curve_path(curve))
        colour = self.scene.look.failure if reason else self.scene.look.accent
        self._line.setPen(QPen(colour, 2.2, Qt.PenStyle.SolidLine if link else Qt.PenStyle.DashLine))
        self.scene.over_moved()
        self.view.say(reason)

    def end(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        link, reason = self._target(point)
        empty = self.scene.hit(point).kind in {"", "frame"}
        self._clear()
        if link is not None:
            flow = self.document.flow
            drawn = edits.replace_link(flow, self.old, link) if self.old else edits.connect(flow, link)
            self.document.apply("Re-plug a link" if self.old else "Draw a link", drawn, choose=Selection(links=frozenset([link])))
        elif self.old is not None and empty:
            self.document.apply("Pull out a link", edits.remove(self.document.flow, links=[self.old]))
        elif empty:
            self._dropped(point, self.module, self.side, self.port)
        self.view.say(reason)

    def cancel(self, reason: str) -> None:
        self._clear()
        self.view.say("")

    def _clear(self) -> None:
        self.scene.take_off(self._line)
        for item in self.scene.cards.values():
            item.light({})
        if self.old is not None and str(self.old) in self.scene.link_items:
            self.scene.link_items[str(self.old)].fade(False)


class Control(Gesture):
    """Draw a control link from a card to another: the next order, firing when all went well."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: FlowView, start: QPointF, module: str, made: Callable[[ControlLink], None]) -> None:
        super().__init__(view, start)
        self.module = module
        self._made = made
        self._line = QGraphicsPathItem()
        self._line.setZValue(9)
        self.scene.lay_over(self._line)

    def _link(self, target: str) -> ControlLink:
        flow: Flow = self.document.flow
        return ControlLink(source=self.module, valve=f"{joining.next_order(flow, self.module)}|", target=target)

    def _target(self, point: QPointF) -> tuple[ControlLink | None, str]:
        hit = self.scene.hit(point)
        if hit.kind not in {"module", "port"} or hit.module == self.module:
            return None, ""
        link = self._link(hit.module)
        reason = joining.why_no_control(self.document.flow, self.document.catalogue, link)
        return (None, reason) if reason else (link, "")

    def move(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        link, reason = self._target(point)
        box = self.scene.cards[self.module].card.box
        here = (point.x(), point.y())
        start = (box.middle[0], box.bottom if here[1] >= box.middle[1] else box.y)
        self._line.setPath(curve_path((start, (start[0], (start[1] + here[1]) / 2), (here[0], (start[1] + here[1]) / 2), here)))
        colour = self.scene.look.failure if reason else self.scene.look.kind["solo"]
        self._line.setPen(QPen(colour, 2.0, Qt.PenStyle.SolidLine if link else Qt.PenStyle.DotLine, Qt.PenCapStyle.RoundCap))
        self.scene.over_moved()
        self.view.say(reason)

    def end(self, point: QPointF, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
        link, reason = self._target(point)
        self.scene.take_off(self._line)
        self.view.say(reason)
        if link is not None:
            self.document.apply("Draw a control link", edits.connect(self.document.flow, link), choose=Selection(links=frozenset([link])))
            self._made(link)

    def cancel(self, reason: str) -> None:
        self.scene.take_off(self._line)
        self.view.say("")
