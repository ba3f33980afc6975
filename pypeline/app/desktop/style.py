"""The window's look: two palettes of our own and one style sheet, both made from the theme's tokens.

Fusion is the base style everywhere, so that the window is the same on every desktop.
"""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from pypeline.canvas.look import font
from pypeline.resources import theme
from pypeline.resources.theme import THEMES, Theme


def apply(app: QApplication, name: str) -> None:
    """Give ``app`` the look called ``light`` or ``dark``."""
    tokens = THEMES[name]
    app.setStyle("Fusion")
    app.setPalette(palette(tokens))
    app.setFont(font(theme.TEXT_FONTS, theme.TEXT_SIZE))
    app.setStyleSheet(sheet(tokens))


def palette(t: Theme) -> QPalette:
    """The theme as Qt's colour roles."""
    made = QPalette()
    role = QPalette.ColorRole
    for where, colour in {
        role.Window: t.panel, role.Base: t.panel, role.AlternateBase: t.hover, role.Button: t.panel, role.ToolTipBase: t.text,
        role.WindowText: t.text, role.Text: t.text, role.ButtonText: t.text, role.BrightText: t.failure, role.ToolTipText: t.panel,
        role.Highlight: t.accent, role.HighlightedText: t.on_accent, role.PlaceholderText: t.muted, role.Link: t.accent_text,
        role.Mid: t.line, role.Dark: t.line, role.Light: t.panel, role.Midlight: t.hover, role.Shadow: t.line,
    }.items():  # fmt: skip
        made.setColor(where, QColor(colour))
    for where in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, where, QColor(t.muted))
    return made


def sheet(t: Theme) -> str:
    """The style sheet: spacing in steps of 4 px, radii of 7 px for controls."""
    soft = theme.mix(t.accent, t.panel, 0.12)
    deep = theme.mix(t.text, t.accent, 0.12)
    return f"""
QMainWindow, QWidget#centre {{ background: {t.background}; }}
QWidget {{ color: {t.text}; }}
QToolTip {{ background: {t.text}; color: {t.panel}; border: 0; padding: 4px 8px; }}
#panel, QScrollArea#panel, #dock {{ background: {t.panel}; }}
#toolbar {{ background: {t.panel}; border-bottom: 1px solid {t.line}; }}
#statusbar {{ background: {t.background}; border-top: 1px solid {t.line}; }}
#statusbar QLabel {{ color: {t.muted}; }}
#statusbar QLabel[bad="true"] {{ color: {t.failure_text}; font-weight: 600; }}
QToolButton#brandButton {{ font-size: 14px; font-weight: 600; text-align: left; }}
QLabel#file {{ background: {t.background}; border: 1px solid {t.line}; border-radius: 7px; padding: 6px 14px; }}
QLabel#heading {{ font-size: 15px; font-weight: 600; }}
QLabel#quiet {{ color: {t.muted}; }}
QLabel#sub, QLabel#muted {{ color: {t.muted}; font-size: 11px; }}
QLabel#group {{ color: {t.muted}; font-size: 10px; font-weight: 600; letter-spacing: 1px; }}
QLabel#field {{ color: {t.muted}; font-size: 11px; }}
QLabel#bad {{ color: {t.failure_text}; font-size: 11px; }}
QLabel#good {{ color: {t.source_text}; font-size: 11px; }}
QLabel#chip {{ background: {soft}; color: {t.accent_text}; border-radius: 9px; padding: 2px 8px; font-size: 11px; font-weight: 600; }}
QLabel#chip[state="failed"] {{ background: {theme.mix(t.failure, t.panel, 0.14)}; color: {t.failure_text}; }}
QLabel#chip[state="completed"] {{ background: {theme.mix(t.source, t.panel, 0.14)}; color: {t.source_text}; }}
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox {{
  background: {t.panel}; border: 1px solid {t.line}; border-radius: 7px; padding: 5px 8px; selection-background-color: {t.accent};
}}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border: 1px solid {t.accent}; }}
QLineEdit[bad="true"], QPlainTextEdit[bad="true"] {{ border: 1px solid {t.failure}; }}
QLineEdit:disabled, QComboBox:disabled {{ color: {t.muted}; background: {t.hover}; }}
QComboBox[bad="true"] {{ border: 1px solid {t.failure}; }}
QLineEdit {{ padding: 5px 6px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox:editable {{ padding-left: 6px; }}
QComboBox QLineEdit, QComboBox QLineEdit:focus {{ background: transparent; border: 0; padding: 0; }}
QLineEdit#name {{ font-size: 15px; font-weight: 600; padding: 1px 4px; border: 1px solid transparent; background: transparent; }}
QLineEdit#name:hover, QLineEdit#name:focus {{ border: 1px solid {t.line}; }}
QLineEdit#name[bad="true"] {{ border: 1px solid {t.failure}; }}
QComboBox::drop-down {{ border: 0; width: 20px; }}
QComboBox QAbstractItemView {{ background: {t.panel}; border: 1px solid {t.line}; selection-background-color: {soft}; selection-color: {t.text}; outline: 0; }}
QPushButton, QToolButton#button {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: 7px; padding: 6px 12px; }}
QPushButton:hover, QToolButton#button:hover {{ background: {t.hover}; }}
QPushButton:disabled, QToolButton#button:disabled {{ color: {t.muted}; }}
QPushButton#run {{ background: {t.accent}; color: {t.on_accent}; border: 1px solid {t.accent}; font-weight: 600; padding: 6px 18px; }}
QPushButton#run:hover {{ background: {deep}; }}
QPushButton#stop:enabled {{ color: {t.failure_text}; border-color: {theme.mix(t.failure, t.panel, 0.45)}; }}
QPushButton#stop:enabled:hover {{ background: {theme.mix(t.failure, t.panel, 0.1)}; }}
QPushButton#searchBox {{ color: {t.muted}; padding: 6px 10px; min-width: 56px; text-align: left; }}
QPushButton#run:disabled {{ background: {theme.mix(t.accent, t.panel, 0.4)}; border-color: transparent; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 7px; padding: 5px 8px; }}
QToolButton:hover {{ background: {t.hover}; }}
QToolButton:checked {{ background: {soft}; color: {t.accent_text}; }}
QToolButton#quiet {{ padding: 2px 3px; border-radius: 5px; color: {t.muted}; }}
QToolButton#link {{ padding: 0 2px; color: {t.accent_text}; font-size: 11px; font-weight: 600; }}
QToolButton#fold {{ padding: 2px 0; color: {t.muted}; font-size: 11px; }}
QToolButton#fold:checked {{ background: transparent; color: {t.muted}; }}
QPushButton#small {{ padding: 3px 10px; font-size: 11px; }}
QFrame#rule {{ background: {t.line}; border: 0; max-height: 1px; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QTabBar {{ qproperty-drawBase: 0; background: transparent; }}
QTabBar::tab {{ background: transparent; color: {t.muted}; padding: 8px 12px 7px 12px; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {t.text}; border-bottom: 2px solid {t.accent}; font-weight: 600; }}
QTabBar::tab:hover {{ color: {t.text}; }}
QTabWidget::pane {{ border: 0; border-top: 1px solid {t.line}; }}
QTabBar#pages::tab {{ padding: 8px 6px 7px 6px; }}
QListView#completion {{ border: 1px solid {t.line}; padding: 4px; }}
QTableView#grid {{ border: 1px solid {t.line}; border-radius: 7px; padding: 2px; }}
QListWidget#columns {{ border: 1px solid {t.line}; border-radius: 7px; padding: 4px; }}
QListWidget#columns::item, QTreeView#schema::item {{ padding: 2px 4px; }}
QTabBar#files::tab {{ padding: 6px 14px; border-radius: 7px; border: 1px solid transparent; margin: 0 4px 0 0; }}
QTabBar#files::tab:selected {{ background: {t.background}; border: 1px solid {t.line}; }}
QSplitter::handle {{ background: {t.line}; }}
QSplitter::handle:horizontal {{ width: 1px; }}
QSplitter::handle:vertical {{ height: 1px; }}
QTreeView, QListView, QTableView {{ background: {t.panel}; border: 0; outline: 0; alternate-background-color: {t.hover};
  selection-background-color: {soft}; selection-color: {t.text}; }}
QTreeView::item, QListView::item {{ padding: 4px 6px; border-radius: 6px; }}
QTreeView::item:hover, QListView::item:hover {{ background: {t.hover}; }}
QTreeView::item:selected, QListView::item:selected {{ background: {soft}; color: {t.text}; }}
QTreeView::branch {{ background: {t.panel}; }}
QTableView {{ gridline-color: transparent; }}
QTableView::item {{ padding: 2px 7px; border: 0; }}
QTableCornerButton::section, QAbstractScrollArea::corner {{ background: {t.panel}; border: 0; }}
QHeaderView, QHeaderView::section {{ background: {t.panel}; border: 0; }}
QHeaderView::section {{ padding: 4px 10px; border-bottom: 1px solid {t.line}; }}
QScrollArea {{ border: 0; background: {t.panel}; }}
QScrollBar:vertical {{ background: transparent; width: 9px; margin: 2px; }}
QScrollBar:horizontal {{ background: transparent; height: 9px; margin: 2px; }}
QScrollBar::handle {{ background: {theme.mix(t.muted, t.panel, 0.35)}; border-radius: 2px; min-height: 28px; min-width: 28px; }}
QScrollBar::handle:hover {{ background: {theme.mix(t.muted, t.panel, 0.6)}; }}
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; border: 0; width: 0; height: 0; }}
QMenu {{ background: {t.panel}; border: 1px solid {t.line}; padding: 4px; }}
QMenu::item {{ padding: 6px 24px 6px 12px; border-radius: 6px; }}
QMenu::item:selected {{ background: {soft}; color: {t.text}; }}
QMenu::item:disabled {{ color: {t.muted}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
QCheckBox {{ spacing: 8px; }}
QProgressBar {{ background: {t.line}; border: 0; border-radius: 3px; height: 6px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 3px; }}
QProgressBar[state="failed"]::chunk {{ background: {t.failure}; }}
QProgressBar[state="completed"]::chunk {{ background: {t.source}; }}
#quickAdd, #zoomBox, #say, #card {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: 10px; }}
#say {{ padding: 4px 10px; color: {t.text}; }}
#say[bad="true"] {{ color: {t.failure_text}; }}
#valveEditor {{ border: 1px solid {t.solo}; border-radius: 13px; padding: 2px 12px; }}
#valveEditor[bad="true"] {{ border: 1px solid {t.failure}; }}
QLabel#empty {{ color: {t.muted}; font-size: 13px; }}
QLabel#corner {{ color: {t.muted}; font-size: 11px; padding-right: 14px; }}
QDialog {{ background: {t.panel}; }}
#qt_msgbox_label {{ font-size: 15px; font-weight: 600; min-width: 340px; }}
#qt_msgbox_informativelabel {{ min-width: 340px; }}
#qt_msgboxex_icon_label {{ max-width: 0; }}
"""
