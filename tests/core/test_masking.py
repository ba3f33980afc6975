"""The last net: a known value is hidden in every usual spelling, and nothing else changes."""

from __future__ import annotations

import base64
import html
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pypeline.core.events import Log, ModuleState
from pypeline.core.masking import Net
from pypeline.core.results import ErrorInfo

CANARY = 'p@ss"w/ör+d\\1'

FORMS = {
    "raw": CANARY,
    "json": json.dumps({"password": CANARY}),
    "json in json": json.dumps(json.dumps({"password": CANARY}, ensure_ascii=False)),
    "repr": repr({"password": CANARY}),
    "repr beside a quote": repr(f"it's {CANARY}"),
    "bytes": repr(CANARY.encode()),
    "url": f"postgresql://user:{quote(CANARY, safe='')}@host/db",
    "form": f"password={quote_plus(CANARY)}",
    "url in small letters": quote(CANARY, safe="").lower(),
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64 in a url": base64.urlsafe_b64encode(CANARY.encode()).decode(),
    "basic auth": base64.b64encode(f"user:{CANARY}".encode()).decode(),
    "basic auth, another user": base64.b64encode(f"some.user:{CANARY}".encode("latin-1")).decode(),
    "base64 in the middle": base64.b64encode(f"AB{CANARY}CD".encode()).decode(),
    "hexadecimal": CANARY.encode().hex(),
    "backwards": CANARY[::-1],
    "html": html.escape(f"<b>{CANARY}</b>"),
    "shell": shlex.quote(CANARY),
    "split over lines": 'p@ss"w\n   /ör+d\\1',
    "split over lines, as JSON": json.dumps('p@ss"w\n/ör+d\\1'),
    "base64 broken into lines": base64.encodebytes(f"{'x' * 50}{CANARY}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_hidden_in_every_spelling(form: str) -> None:
    net = Net()
    net.add(CANARY)
    shown = net.hide(f"before {FORMS[form]} after")
    assert "***" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    for part in ("p@ss", "ss%22", "ör+d", "cEBzcyJ3", CANARY.encode().hex()[4:12], "d+rö"):
        assert part not in shown


def test_lines_of_a_long_value_are_hidden_on_their_own() -> None:
    net = Net()
    net.add("-----BEGIN KEY-----\nMIIabcdefgh123\nzz\n-----END KEY-----\n")
    assert net.hide("line MIIabcdefgh123 of it, zz") == "line *** of it, zz"


def test_short_values_and_other_texts_stay() -> None:
    net = Net()
    net.add("abc")
    assert net.hide("abc") == "abc"
    net.add(CANARY)
    assert net.hide("nothing to hide, 100 % p@ss") == "nothing to hide, 100 % p@ss"


def test_events_are_cleaned_where_they_hold_texts() -> None:
    net = Net()
    error = ErrorInfo("PYE459", "OSError", f"no {CANARY}", "load", causes=(f"OSError: {CANARY}",), detail=f"  raise OSError({CANARY!r})")
    failed = ModuleState(run="r", attempt=1, time=0, module="load", task="load", state="failed", error=error)
    assert net.cleaned(failed) is failed
    net.add(CANARY)
    cleaned = net.cleaned(failed)
    assert cleaned.error == ErrorInfo("PYE459", "OSError", "no ***", "load", causes=("OSError: ***",), detail="  raise OSError('***')")
    assert net.cleaned(Log(run="r", attempt=1, time=0, level="INFO", message=f"x{CANARY}y")).message == "x***y"


@settings(deadline=None)
@given(st.text(min_size=6, max_size=40).filter(lambda text: len(text.strip()) >= 6), st.text(max_size=10), st.integers(0, 5))
def test_whatever_the_value_its_spellings_are_hidden(value: str, around: str, form: int) -> None:
    net = Net()
    net.add(value)
    data = value.encode(errors="surrogateescape") if not any("\ud800" <= c <= "\udfff" for c in value) else b""
    spelled = [value, json.dumps(value)[1:-1], quote(data), base64.b64encode(data).decode(), data.hex(), repr(value)[1:-1]][form]
    assert spelled.strip() not in net.hide(around + spelled + around)
