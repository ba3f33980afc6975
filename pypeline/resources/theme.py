"""The look as numbers: colours, fonts, sizes, for everything that draws (window, SVG, report).

A :class:`Theme` is one set of colours; :data:`LIGHT` and :data:`DARK` are the two there are. Tints
are mixed here, once, so that every painter shows the same ones. Sizes of what stands on the canvas
live in ``core/geometry.py``; this file knows no flow and no Qt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Colour = str
"""``#rrggbb``"""

TEXT_FONTS = ("Inter", "Segoe UI", "Helvetica Neue", "Noto Sans", "DejaVu Sans")
MONO_FONTS = ("JetBrains Mono", "Cascadia Code", "DejaVu Sans Mono")
"""Preference lists, best first; tests and snapshots pin the last of each."""

TEXT_SIZE = 12.0
SMALL_SIZE = 10.5
TITLE_SIZE = 15.0
"""Pixels at 100 %."""

NORMAL_WEIGHT = 400
STRONG_WEIGHT = 600
"""The only two weights."""

GRID = 4
"""Every distance in the window is a multiple of this."""

RADIUS_SMALL = 7
RADIUS = 10
"""Corner radii: buttons and cards, panels and frames."""


def font_list(fonts: tuple[str, ...], generic: str) -> str:
    """``fonts`` as a CSS font-family list that ends in ``generic``."""
    return ", ".join([*(f"'{font}'" for font in fonts), generic])


def mix(front: Colour, back: Colour, share: float) -> Colour:
    """``front`` laid over ``back`` with opacity ``share`` (0..1)."""
    return "#" + "".join(f"{round(f * share + b * (1 - share)):02x}" for f, b in zip(_channels(front), _channels(back), strict=True))


def contrast(one: Colour, other: Colour) -> float:
    """The WCAG 2 contrast ratio of two colours, 1..21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _channels(colour: Colour) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: Colour) -> float:
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one scheme. ``source`` to ``solo`` are the module kinds; ``solo`` is control, too."""

    name: Literal["light", "dark"]
    background: Colour
    canvas: Colour
    panel: Colour
    line: Colour
    text: Colour
    muted: Colour
    accent: Colour
    on_accent: Colour
    source: Colour
    mod: Colour
    sink: Colour
    solo: Colour
    unknown: Colour
    failure: Colour
    shadow: Colour
    source_text: Colour
    sink_text: Colour
    failure_text: Colour
    solo_text: Colour
    accent_text: Colour

    def kind(self, kind: str) -> Colour:
        """The colour of a module kind; grey for a type that the palette does not know."""
        known: Mapping[str, Colour] = {"source": self.source, "mod": self.mod, "sink": self.sink, "solo": self.solo}
        return known.get(kind, self.unknown)

    def tile(self, kind: str) -> Colour:
        """The soft square behind a module's icon."""
        return mix(self.kind(kind), self.panel, 0.14 if self.name == "light" else 0.2)

    def state(self, state: str, reason: str = "") -> Colour:
        """The colour of a run state's sign."""
        if state == "completed" and reason not in {"reused", "not_needed"}:
            return self.source
        return {"running": self.accent, "failed": self.failure}.get(state, self.muted)

    @property
    def frame(self) -> Colour:
        """The fill of a sub flow's frame."""
        return mix(self.accent, self.canvas, 0.05)

    @property
    def frame_line(self) -> Colour:
        """The edge of a sub flow's frame."""
        return mix(self.accent, self.canvas, 0.26 if self.name == "light" else 0.3)

    @property
    def dot(self) -> Colour:
        """The canvas grid."""
        return mix(self.muted, self.canvas, 0.24)

    @property
    def hover(self) -> Colour:
        """A row or button under the pointer, and every second row of a table."""
        return mix(self.muted, self.panel, 0.08)


LIGHT = Theme(
    name="light",
    background="#eef1f5",
    canvas="#fafbfd",
    panel="#ffffff",
    line="#dfe4ea",
    text="#1c2430",
    muted="#5f6c7e",
    accent="#2f6fed",
    on_accent="#ffffff",
    source="#1f9d72",
    mod="#3b73e0",
    sink="#c8741f",
    solo="#8a55cf",
    unknown="#8b97a6",
    failure="#d64541",
    shadow="#1c2430",
    source_text="#147a57",
    sink_text="#9a5510",
    failure_text="#c23632",
    solo_text="#7a45bf",
    accent_text="#2461d8",
)

DARK = Theme(
    name="dark",
    background="#0f1318",
    canvas="#0f1318",
    panel="#161b22",
    line="#2a323d",
    text="#e6eaf0",
    muted="#8b97a6",
    accent="#4f8cff",
    on_accent="#0b1220",
    source="#3fb68b",
    mod="#5b8def",
    sink="#d98a3d",
    solo="#c08cf0",
    unknown="#667385",
    failure="#e5605e",
    shadow="#000000",
    source_text="#4cc79b",
    sink_text="#e09a55",
    failure_text="#f07a78",
    solo_text="#c99cf3",
    accent_text="#76a5ff",
)

THEMES: Mapping[str, Theme] = {"light": LIGHT, "dark": DARK}
