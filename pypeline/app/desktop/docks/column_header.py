"""The preview's header: a column's name, its type, and a small picture of how its values are spread."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QHeaderView, QWidget

from pypeline.app.desktop.docks.arrow_table import ArrowTable, is_number
from pypeline.core.figures import elide
from pypeline.resources import theme

if TYPE_CHECKING:
    import pyarrow as pa

BARS = 14


class ColumnHeader(QHeaderView):
    """Paints what :class:`ArrowTable` knows of each column."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._spreads: dict[int, list[float]] = {}
        self.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        self.setSectionsMovable(True)
        self.setHighlightSections(False)

    def sizeHint(self) -> QSize:
        return QSize(100, 58)

    def forget(self) -> None:
        """Another table is shown."""
        self._spreads.clear()

    def paintSection(self, painter: QPainter, rect: QRect, logicalIndex: int) -> None:
        model = self.model()
        if not isinstance(model, ArrowTable):
            super().paintSection(painter, rect, logicalIndex)
            return
        look, type = model.look, model.types[logicalIndex]
        painter.save()
        painter.fillRect(rect, look.panel)
        painter.setClipRect(rect)
        inner = QRectF(rect).adjusted(10, 6, -10, -6)
        side = Qt.AlignmentFlag.AlignRight if is_number(type) else Qt.AlignmentFlag.AlignLeft
        painter.setFont(look.name_font)
        painter.setPen(look.text)
        name = elide(model.table.column_names[logicalIndex], inner.width(), theme.TEXT_SIZE, strong=True)
        painter.drawText(QRectF(inner.x(), inner.y(), inner.width(), 16), side, name)
        painter.setFont(look.mono_font)
        painter.setPen(look.muted)
        painter.drawText(QRectF(inner.x(), inner.y() + 16, inner.width(), 14), side, elide(type, inner.width(), theme.SMALL_SIZE, mono=True))
        spread = self._spreads.get(logicalIndex)
        if spread is None:
            spread = self._spreads[logicalIndex] = distribution(model.table.column(logicalIndex))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(QColor(theme.mix(look.theme.accent, look.theme.panel, 0.45))))
        step = min(4.0, inner.width() / BARS)
        left = inner.right() - BARS * step if side == Qt.AlignmentFlag.AlignRight else inner.x()
        for n, share in enumerate(spread):
            height = max(1.0, 12.0 * share)
            painter.drawRect(QRectF(left + n * step, inner.bottom() - height, step - 1.2, height))
        painter.setPen(QPen(QColor(look.theme.line)))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        painter.restore()


def distribution(column: pa.ChunkedArray) -> list[float]:
    """How the values of a column are spread over :data:`BARS` bars, 0..1: numbers and times by value,
    others by how often the most frequent ones occur. Empty for a column of nulls."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = column.drop_null()
    if not len(values):
        return []
    type = values.type
    if pa.types.is_nested(type):
        return []
    if pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type) or pa.types.is_temporal(type):
        if pa.types.is_temporal(type):
            values = values.cast(pa.int32() if type.bit_width == 32 else pa.int64()) if not pa.types.is_interval(type) else values
        numbers = [number for number in map(float, values.to_pylist()) if isfinite(number)]
        if not numbers:
            return []
        low, high = min(numbers), max(numbers)
        bars = [0] * BARS
        for number in numbers:
            bars[min(BARS - 1, int((number - low) / (high - low) * BARS)) if high > low else BARS // 2] += 1
    else:
        counted = pc.value_counts(values.combine_chunks() if values.num_chunks != 1 else values.chunk(0))
        bars = sorted(counted.field("counts").to_pylist(), reverse=True)[:BARS]
    most = max(bars)
    return [n / most for n in bars]
