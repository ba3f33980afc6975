"""The middle of the window: the canvas with its zoom box, minimap, word at the pointer and empty state."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from pypeline.app.desktop.forms.editor import mark
from pypeline.canvas.document import Document
from pypeline.canvas.editor import Editor
from pypeline.canvas.icons import plain
from pypeline.canvas.look import Look
from pypeline.canvas.minimap import Minimap
from pypeline.canvas.scene import FlowScene
from pypeline.canvas.view import FlowView

SAID_MS = 8_000
"""A word at the pointer stays so long."""
_EMPTY = (
    ("Drag a module here", "from the palette"),
    ("Type a few letters", "of a module's name, then Enter"),
    ("Drop a file", "CSV or Parquet, to read it"),
    ("Ctrl+O", "opens a flow"),
    ("Ctrl+K", "finds every command"),
)


class Board(QWidget):
    """A view of one document, and what floats over it."""

    def __init__(self, document: Document, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene = FlowScene(document, look, self)
        self.view = FlowView(self.scene, self)
        self.view.setAccessibleName("Canvas")
        self.editor = Editor(self.view)
        self.minimap = Minimap(self.view)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(self.view)
        self.said = QLabel(self.view)
        self.said.setObjectName("say")
        self.said.setTextFormat(Qt.TextFormat.PlainText)
        self.said.hide()
        # what nobody takes back has been read after a while
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.setInterval(SAID_MS)
        self._over.timeout.connect(self.said.hide)
        self.empty = _Empty(self.view)
        self.zoom_box = QFrame(self.view)
        self.zoom_box.setObjectName("zoomBox")
        self._zoom_text = QLabel("100 %")
        self._zoom_text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._zoom_text.setMinimumWidth(48)
        row = QHBoxLayout(self.zoom_box)
        row.setContentsMargins(4, 2, 4, 2)
        row.setSpacing(0)
        self._buttons = {"minus": QToolButton(), "plus": QToolButton(), "fit": QToolButton()}
        self._buttons["minus"].clicked.connect(lambda: self.view.zoom_by(-1))
        self._buttons["plus"].clicked.connect(lambda: self.view.zoom_by(1))
        self._buttons["fit"].clicked.connect(lambda _: self.view.fit())
        for name, tip in {"minus": "Zoom out", "plus": "Zoom in", "fit": "Fit the flow"}.items():
            self._buttons[name].setIconSize(QSize(14, 14))
            self._buttons[name].setToolTip(tip)
            self._buttons[name].setAccessibleName(tip)
            self._buttons[name].setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for part in (self._buttons["minus"], self._zoom_text, self._buttons["plus"], self._buttons["fit"]):
            row.addWidget(part)
        self.view.zoom_changed.connect(lambda scale: self._zoom_text.setText(f"{scale * 100:.0f} %"))
        self.view.said.connect(self._say)
        self.view.installEventFilter(self)
        document.flow_changed.connect(self._flow_changed)
        self._document = document
        self.show_look(look)
        self._flow_changed()

    def show_look(self, look: Look) -> None:
        """Paint everything in this look."""
        self.scene.set_look(look)
        self.empty.sign.setPixmap(plain("layout", look, look.theme.muted).pixmap(32, 32))
        for name, button in self._buttons.items():
            button.setIcon(plain(name, look, look.theme.muted))

    def _flow_changed(self) -> None:
        self.empty.setVisible(not self._document.flow.modules)

    def _say(self, text: str, bad: bool) -> None:
        self.said.setVisible(bool(text))
        if text:
            self._over.start()
            self.said.setText(text)
            mark(self.said, bad)
            self.said.adjustSize()
            at = self.view.mapFromGlobal(self.cursor().pos())
            room = self.view.rect()
            x = min(max(8, at.x() + 16), max(8, room.width() - self.said.width() - 8))
            y = min(max(8, at.y() + 20), max(8, room.height() - self.said.height() - 8))
            self.said.move(x, y)
            self.said.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            size = self.zoom_box.sizeHint()
            self.zoom_box.setGeometry(16, self.view.height() - size.height() - 16, size.width(), size.height())
            self.empty.move((self.view.width() - self.empty.width()) // 2, max(8, (self.view.height() - self.empty.height()) // 2 - 16))
            self.minimap.refresh()
        return super().eventFilter(watched, event)


class _Empty(QWidget):
    """What an empty canvas says: how to begin."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, True)
        self.sign = QLabel()
        self.sign.setAlignment(Qt.AlignmentFlag.AlignCenter)
        title = QLabel("An empty flow")
        title.setObjectName("heading")
        title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        rows = QGridLayout()
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(6)
        for n, (what, how) in enumerate(_EMPTY):
            strong, quiet = QLabel(what), QLabel(how)
            strong.setAlignment(Qt.AlignmentFlag.AlignRight)
            quiet.setObjectName("quiet")
            rows.addWidget(strong, n, 0)
            rows.addWidget(quiet, n, 1)
        box = QVBoxLayout(self)
        box.setSpacing(12)
        box.addWidget(self.sign)
        box.addWidget(title)
        box.addLayout(rows)
        self.setFixedSize(420, 240)
