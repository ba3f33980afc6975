"""Where a person looks: the actions of the menu View that change nothing but what is seen."""

from __future__ import annotations

from pypeline.canvas.view import FlowView


class Looking:
    """On one view."""

    def __init__(self, view: FlowView) -> None:
        self._view = view

    def fit(self) -> None:
        """See the whole flow."""
        self._view.fit()

    def actual_size(self) -> None:
        """100 %."""
        self._view.zoom_to(1.0)

    def zoom_in(self) -> None:
        """A notch nearer."""
        self._view.zoom_by(1)

    def zoom_out(self) -> None:
        """A notch farther."""
        self._view.zoom_by(-1)
