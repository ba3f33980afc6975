"""Random flows for the tests of the schema room, and texts that YAML is known to mangle."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pypeline.schema.flow import (
    Canvas,
    Configs,
    Connections,
    ControlLink,
    Database,
    DataLink,
    Flow,
    Head,
    Module,
    Resources,
    Retry,
    Settings,
    StageSpec,
    Sweep,
)  # fmt: skip

NASTY: tuple[Any, ...] = (
    "x", 1, True, None, "a: b", "#c", "- q", "", "0123", "no", "multi\nline", "it's", "ü", 1.5, "{{context.var}}", "{x", "a\tb", " lead", "trail ",
    "*z", "&z", "%p", "@p", "`q`", "!t", "|", ">", "?", "null", "~", "2024-01-01", "1e3", "12:30", "\u2028x", "😀",
    "=", "<<", "---", "...", "a #b", 'say "x"', "C:\\temp", "two\n\nlines\n", "\n", "  indented\n  code\n", "\ttab\nline", "trailing \nspace ",
    "a\r\nb", "\x85", "1_000", "0x1F", ".5", "1.", "+1", "-", "[a]", "a, b", "\ufeff", "\x1b[0m", 2**70, 1e300, -0.0, "yes", "Null", "many\n\n\n", 1e16,
    {"a": [1, {"b": None}], "": "empty key", "no": "x"}, [], {}, [[1, 2], ["a b", "c"]], [{"x": 1, "y": [2]}, {"x": "multi\nline"}],
)  # fmt: skip
"""Values that must come back as they went in."""

WORDS = st.from_regex(r"[a-z]{1,8}_?[a-z0-9]{1,4}", fullmatch=True).filter(lambda word: word[:3] not in ("com", "lpt", "con", "nul", "aux", "prn"))
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12) | st.sampled_from([value for value in NASTY if isinstance(value, str)])
SCALARS = TEXTS | st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=6)
CONFIGS = st.dictionaries(TEXTS, VALUES, max_size=3)


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """Any flow that the models allow, with ids that the reader allows."""
    ids = draw(st.lists(WORDS, max_size=4, unique=True))
    modules = tuple(
        Module(
            id=id,
            name=draw(WORDS),
            configs=Configs(required=draw(CONFIGS), optional=draw(CONFIGS)),
            retries=draw(st.none() | st.integers(0, 9)),
            timeout=draw(st.none() | st.integers(1, 99) | st.floats(0.5, 99)),
            resources=draw(st.none() | st.builds(Resources, cpus=st.integers(1, 4), memory=st.just("2GiB"))),
            enabled=draw(st.booleans()),
            note=draw(TEXTS),
        )
        for id in ids
    )
    some = st.sampled_from(ids) if ids else WORDS
    data = st.builds(DataLink, source=some, source_port=WORDS, target=some, target_port=WORDS)
    control = st.builds(ControlLink, source=some, valve=st.sampled_from(["1|", "2|error", "Last|always", "1|if {{a__n}} > 0"]), target=some)
    return Flow(
        flow=Head(
            name=draw(WORDS),
            version=draw(st.sampled_from(["1.0.0", "1.0", "2"])),
            description=draw(TEXTS),
            authors=tuple(draw(st.lists(TEXTS, max_size=2))),
            stages=tuple(draw(st.lists(WORDS | st.builds(StageSpec, name=WORDS, purpose=TEXTS), max_size=2))),
        ),
        settings=Settings(
            timeout=draw(st.none() | st.integers(1, 9999)),
            retry=draw(st.none() | st.builds(Retry, attempts=st.integers(1, 9), delay=st.floats(0, 10))),
            threads=draw(st.none() | st.integers(1, 64)),
            cache=draw(st.sampled_from(["auto", "off", {"mode": "on", "verify": "stat"}])),
            slots=draw(st.dictionaries(WORDS, st.integers(0, 9), max_size=2)),
        ),
        databases=draw(st.dictionaries(WORDS, st.builds(Database, url=WORDS, options=CONFIGS), max_size=1)),
        modules=modules,
        connections=Connections(data=tuple(draw(st.lists(data, max_size=3))), control=tuple(draw(st.lists(control, max_size=2)))),
        on_error=tuple(ids[:1] if draw(st.booleans()) else ()),
        sweep=draw(st.none() | st.builds(Sweep, parameters=st.dictionaries(WORDS, st.lists(SCALARS, max_size=2), max_size=2))),
        canvas=Canvas(modules={id: [draw(st.integers(-999, 999)), draw(st.integers(0, 999))] for id in ids if draw(st.booleans())}),
    )
