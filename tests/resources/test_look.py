"""Icons that every painter can follow, and colours that can be read."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pypeline.resources import theme
from pypeline.resources.icons import ICONS, OF_TYPE, SIZE, commands, icon_of, sign_of


@pytest.mark.parametrize("name", sorted(ICONS))
def test_an_icon_is_made_of_moves_lines_cubics_and_closings_inside_its_grid(name: str) -> None:
    steps = list(commands(ICONS[name]))
    assert steps[0][0] == "M"
    assert {step for step, _ in steps} <= {"M", "L", "C", "Z"}
    # the stroke is 1.5 wide, so that a line may run to three quarters of a pixel from the edge
    assert all(0.75 <= v <= SIZE - 0.75 for _, at in steps for v in at)
    assert not any(a[0] == "M" and b[0] == "M" for a, b in pairwise(steps))


def test_a_type_without_an_icon_of_its_own_gets_one_for_its_kind() -> None:
    assert set(OF_TYPE.values()) <= set(ICONS)
    assert icon_of("csv_source", "source") == "file"
    assert icon_of("my_mod", "mod", "sigma") == "sigma"
    assert icon_of("my_mod", "mod", "no such icon") == icon_of("my_mod", "mod")
    assert icon_of("gone", "unknown") == "unknown"
    assert {icon_of("x", kind) for kind in ("source", "mod", "sink", "solo")} <= set(ICONS)


@pytest.mark.parametrize(
    ("state", "reason", "sign"),
    [
        ("completed", "ok", "completed"),
        ("completed", "reused", "reused"),
        ("failed", "timeout", "failed"),
        ("", "", "pending"),
        ("cancelled", "halted", "cancelled"),
    ],
)
def test_a_state_has_a_sign(state: str, reason: str, sign: str) -> None:
    assert sign_of(state, reason) == sign
    assert sign in ICONS


@pytest.mark.parametrize("colours", theme.THEMES.values(), ids=str)
def test_text_has_a_contrast_of_four_and_a_half(colours: theme.Theme) -> None:
    grounds = (colours.background, colours.panel, colours.canvas, colours.frame, colours.hover)
    texts = (colours.text, colours.muted, colours.source_text, colours.sink_text, colours.failure_text, colours.solo_text, colours.accent_text)
    assert min(theme.contrast(text, ground) for text in texts for ground in grounds) >= 4.5
    assert theme.contrast(colours.on_accent, colours.accent) >= 4.5
    # signs, ports and links are shapes: three to one against what they lie on
    shapes = (colours.source, colours.mod, colours.sink, colours.solo, colours.failure, colours.accent)
    assert min(theme.contrast(shape, ground) for shape in shapes for ground in (colours.panel, colours.canvas)) >= 3


def test_contrast_and_mix_are_the_known_ones() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.mix("#000000", "#ffffff", 0.5) == "#808080"
    assert theme.mix("#123456", "#ffffff", 1) == "#123456"
