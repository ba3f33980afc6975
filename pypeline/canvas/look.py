"""The look as Qt values: a theme's pens, brushes, fonts and icon paths, made once and shared by all painters."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from math import ceil

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap

from pypeline.core import geometry as g
from pypeline.resources import icons, theme
from pypeline.resources.theme import THEMES, Theme

_MOST_PENS = 512
KINDS = ("source", "mod", "sink", "solo", "unknown")


def font(families: tuple[str, ...], pixels: float, *, strong: bool = False) -> QFont:
    """A font by preference list and pixel size at 100 %."""
    made = QFont(list(families))
    made.setPixelSize(max(1, round(pixels)))
    made.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def pen(colour: str, width: float = 1.0, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A round pen."""
    return QPen(QColor(colour), width, style, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


@lru_cache(maxsize=256)
def icon_path(name: str) -> QPainterPath:
    """An icon's path on its 16 px grid."""
    path = QPainterPath()
    for step, at in icons.commands(icons.ICONS.get(name, icons.ICONS["unknown"])):
        if step == "M":
            path.moveTo(*at)
        elif step == "L":
            path.lineTo(*at)
        elif step == "C":
            path.cubicTo(*at)
        else:
            path.closeSubpath()
    return path


def curve_path(curve: g.Curve) -> QPainterPath:
    """A link's curve as a path."""
    path = QPainterPath(QPointF(*curve[0]))
    for i in range(1, len(curve), 3):
        (x1, y1), (x2, y2), (x3, y3) = curve[i : i + 3]
        path.cubicTo(x1, y1, x2, y2, x3, y3)
    return path


class Pictures:
    """Pictures by what they show; beyond so many pixels the oldest are given up."""

    MOST = 12_000_000

    def __init__(self) -> None:
        self._made: dict[Hashable, QPixmap] = {}
        self._pixels = 0

    def get(self, what: Hashable) -> QPixmap | None:
        """The picture of ``what``, if it is kept."""
        return self._made.get(what)

    def keep(self, what: Hashable, made: QPixmap) -> None:
        """Keep ``made``, which shows ``what``."""
        self._made[what] = made
        self._pixels += made.width() * made.height()
        while self._pixels > self.MOST:
            oldest = self._made.pop(next(iter(self._made)))
            self._pixels -= oldest.width() * oldest.height()


class Look:
    """Everything a paint function needs of a theme.

    Attributes are Qt values by what they are for; ``kind``, ``tile`` and ``kind_pen`` are keyed by
    module kind. Made once per theme by :func:`look`.
    """

    def __init__(self, tokens: Theme) -> None:
        self.theme = tokens
        self.dark = tokens.name == "dark"
        self.canvas = QColor(tokens.canvas)
        self.panel = QBrush(QColor(tokens.panel))
        self.text = QPen(QColor(tokens.text))
        self.muted = QPen(QColor(tokens.muted))
        self.line = pen(tokens.line)
        self.accent = QColor(tokens.accent)
        self.selected = pen(tokens.accent, 2.0)
        self.halo = pen(theme.mix(tokens.accent, tokens.canvas, 0.28), 6.0)
        self.failure = QColor(tokens.failure)
        self.failed = pen(tokens.failure, 1.6)
        self.shadow = QColor(tokens.shadow)
        self.shadow.setAlphaF(0.35 if self.dark else 0.07)
        self.frame = QBrush(QColor(tokens.frame))
        self.frame_line = pen(tokens.frame_line)
        self.dot = QColor(tokens.dot)
        self.dashed = pen(tokens.muted, 1.2, Qt.PenStyle.DashLine)
        self._dots: dict[float, QPixmap] = {}
        self._link_pens: dict[tuple[str, float], QPen] = {}
        self.plates = Pictures()
        self.kind = {k: QColor(tokens.kind(k)) for k in KINDS}
        self.tile = {k: QBrush(QColor(tokens.tile(k))) for k in KINDS}
        self.kind_pen = {k: pen(tokens.kind(k), 1.6) for k in KINDS}
        self.icon_pen = {k: pen(tokens.kind(k), icons.STROKE) for k in KINDS}
        self.faded = {k: QColor(theme.mix(tokens.kind(k), tokens.canvas, 0.45)) for k in KINDS}
        self.far_link = QPen(QColor(theme.mix(tokens.muted, tokens.canvas, 0.5)), 0)
        self.name_font = font(theme.TEXT_FONTS, theme.TEXT_SIZE, strong=True)
        self.type_font = font(theme.TEXT_FONTS, theme.SMALL_SIZE)
        self.mono_font = font(theme.MONO_FONTS, theme.SMALL_SIZE)
        mono = QFontMetricsF(self.mono_font)
        # every letter of the monospaced font is so wide, and stands so far below a line's middle
        self.mono_wide, self.mono_drop = mono.horizontalAdvance("0"), (mono.ascent() - mono.descent()) / 2
        self.far_font = font(theme.TEXT_FONTS, 20.0, strong=True)
        self.title_font = font(theme.TEXT_FONTS, 11.0, strong=True)

    def dot_print(self, ratio: float) -> QPixmap:
        """One dot of the canvas grid at ``ratio`` device pixels per pixel."""
        dot = self._dots.get(ratio)
        if dot is None:
            size = ceil(3 * ratio)
            dot = self._dots[ratio] = QPixmap(size, size)
            dot.fill(self.canvas)
            painter = QPainter(dot)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QBrush(self.dot))
            painter.drawEllipse(QPointF(1.5 * ratio, 1.5 * ratio), 0.9 * ratio, 0.9 * ratio)
            painter.end()
            dot.setDevicePixelRatio(ratio)
        return dot

    def link_pen(self, kind: str, width: float, *, reject: bool = False, faded: bool = False) -> QPen:
        """The pen of a data link: the same object for the same look."""
        key = ("reject" if reject else f"faded {kind}" if faded else kind, width)
        made = self._link_pens.get(key)
        if made is None:
            if len(self._link_pens) >= _MOST_PENS:
                self._link_pens.clear()
            colour = self.failure if reject else self.faded[kind] if faded else self.kind[kind]
            made = self._link_pens[key] = QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            if reject:
                made.setDashPattern([4.0, 3.0])
        return made

    def state_colour(self, state: str, reason: str = "") -> QColor:
        """The colour of a run state's sign."""
        return QColor(self.theme.state(state, reason))

    def soft(self, colour: QColor, share: float) -> QColor:
        """``colour`` laid over a panel."""
        return QColor(theme.mix(colour.name(), self.theme.panel, share))


@lru_cache(maxsize=2)
def look(name: str) -> Look:
    """The look called ``light`` or ``dark``."""
    return Look(THEMES[name])


def rect(box: g.Box) -> QRectF:
    """A box as Qt's rectangle."""
    return QRectF(box.x, box.y, box.width, box.height)
