"""Context variables: the files ``context/NAME_<environment>.json`` beside a flow, and ``--set``.

``NAME_default.json`` first, the chosen environment over it, single values last. A context file is one flat JSON object
of names and plain values; nothing in it is a reference, and nothing in it should be a secret.

A person is asked for the value of ``name`` where a file holds ``"name?": "the question"``, and for a secret one where
it holds ``"name?secret": "the question"``. A plain value of the same name in the same file is proposed; one in a file
that is read later, or with ``--set``, is the answer.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pypeline.core.variables_context import Asked, known_now
from pypeline.runner.store import foreign
from pypeline.schema.flow import Flow, Module
from pypeline.schema.problems import Place, Problem, PypeError, capital, did_you_mean
from pypeline.schema.record import record

DEFAULT = "default"
_NAME = re.compile(r"^[^\W\d]\w*$")
_ENVIRONMENT = re.compile(r"^[\w.-]{1,64}$")
_READ = re.compile(r"\{\{\s*context\.(\w+)")
_QUESTION = re.compile(r"^([^\W\d]\w*)\?(secret)?$")
_SECRET = re.compile(r"(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)(_|$)", re.IGNORECASE)


@record
class Question:
    """What a person is asked for: the value of ``name``. ``proposal`` is taken where nothing is said, None for none.
    A ``secret`` answer goes to :class:`pypeline.runner.secrets.Secrets`, any other into ``sets``."""

    name: str
    text: str
    secret: bool = False
    proposal: Any = None
    file: str = ""


def context(flow: Flow, folder: Path | str, name: str = DEFAULT, sets: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The context variables of environment ``name``, ``sets`` over them; :class:`Asked` for what only a person knows.

    Raises:
        PypeError: no such environment (PYE392), a file that is no flat JSON object (PYE393), a secret in ``sets`` (PYE398).
    """
    values, questions = _read_all(flow, folder, name, sets or {})
    return values | {each.name: Asked(each.secret) for each in questions if each.proposal is None}


def questions(flow: Flow, folder: Path | str, name: str = DEFAULT, sets: Mapping[str, Any] | None = None) -> tuple[Question, ...]:
    """What is still to be asked for before the flow runs, in the order of the files: what the flow reads, and no more.

    Raises:
        PypeError: as :func:`context`.
    """
    open_now = _read_all(flow, folder, name, sets or {})[1]
    read = _read_by(flow) if open_now else frozenset()
    return tuple(each for each in open_now if each.name in read)


def answered(values: Mapping[str, Any], flow: Flow) -> dict[str, Any]:
    """``values`` of a context as a plan of ``flow`` may know them: without secrets, and what is asked for and not read.

    Raises:
        PypeError: PYE398, a value has to be asked for first.
    """
    asked = [name for name, value in values.items() if isinstance(value, Asked) and not value.secret]
    read = _read_by(flow) if asked else frozenset()
    if missing := [name for name in asked if name in read]:
        raise PypeError(*(unanswered(Question(name, "")) for name in missing))
    return known_now(values)


def waiting(flow: Flow, values: Mapping[str, Any]) -> dict[str, list[str]]:
    """By module the plain values of ``flow``'s context that it reads and only a person knows yet."""
    asked = [name for name, value in values.items() if isinstance(value, Asked) and not value.secret]
    found = {module.id: _read_in(module) for module in flow.modules} if asked else {}
    return {id: names for id, read in found.items() if (names := [name for name in asked if name in read])}


def unanswered(question: Question) -> Problem:
    """The problem of a value that nobody can be asked for here."""
    place, name = _asked_at(question), question.name
    if question.secret:
        mend = "Run in a terminal, or keep it in Vault or the environment: `{{vault:path#key}}` or `{{env.NAME}}` in the flow."
        return Problem("PYE398", f"the secret `{name}` has to be asked for, and there is no terminal", place, mend, phase="plan")
    return Problem("PYE398", f"the context value `{name}` has to be asked for", place, f"Give it with `--set {name}=…`, or run in a terminal.", phase="plan")


def _asked_at(question: Question) -> Place:
    """Where the file asks."""
    if not question.file:
        return Place("context", path=(question.name,))
    with suppress(OSError, UnicodeDecodeError):
        text = foreign.read_bytes(Path(question.file)).decode("utf-8-sig")
        if found := re.search(rf'"{re.escape(question.name)}\?(secret)?"\s*:', text):
            return Place(question.file, text.count("\n", 0, found.start()) + 1, found.start() - text.rfind("\n", 0, found.start()), path=(question.name,))
    return Place(question.file, path=(question.name,))


def _read_by(flow: Flow) -> frozenset[str]:
    """The context variables that stand anywhere in ``flow``."""
    return _read_in(flow)


def _read_in(part: Flow | Module) -> frozenset[str]:
    return frozenset(_READ.findall(json.dumps(part.model_dump(mode="json"), ensure_ascii=False)))


def _read_all(flow: Flow, folder: Path | str, name: str, sets: Mapping[str, Any]) -> tuple[dict[str, Any], list[Question]]:
    # a parameter of the flow has its default wherever nothing else is said
    values: dict[str, Any] = {each.name: each.default for each in flow.flow.inputs if each.type != "table" and (each.default is not None or not each.required)}
    asked: dict[str, Question] = {}
    for file, layer in _layers(flow, folder, name):
        for key, value in layer.items():
            if "?" not in key:
                values[key] = value
                if f"{key}?" not in layer:
                    asked.pop(key, None)
        for key, value in layer.items():
            if found := _QUESTION.match(key):
                asked[found[1]] = Question(found[1], str(value), found[2] is not None, layer.get(found[1]), file)
    for key in sets:
        if key in asked and asked[key].secret:
            message = f"the secret `{key}` cannot be given with --set: command lines are no secret on this machine"
            raise PypeError(Problem("PYE398", message, Place(asked[key].file, path=(key,)), "Run in a terminal, where it is asked for.", phase="plan"))
        asked.pop(key, None)
    return values | dict(sets), list(asked.values())


def _layers(flow: Flow, folder: Path | str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The files that count, the later over the earlier."""
    place = Path(folder, "context")
    first = place / f"{flow.flow.name}_{DEFAULT}.json"
    yield str(first), _read(first) or {}
    if name != DEFAULT:
        chosen = _read(place / f"{flow.flow.name}_{name}.json") if _ENVIRONMENT.match(name) else None
        if chosen is None:
            hint = capital(did_you_mean(name, environments(flow.flow.name, folder)))
            raise PypeError(
                Problem(
                    "PYE392",
                    f"there is no context `{name}` for the flow `{flow.flow.name}`",
                    Place(str(place / f"{flow.flow.name}_{name}.json") if _ENVIRONMENT.match(name) else str(place)),
                    hint or "Write the file first.",
                )
            )
        yield str(place / f"{flow.flow.name}_{name}.json"), chosen


def environments(flow_name: str, folder: Path | str) -> list[str]:
    """The environments that have a context file, in name order."""
    place = Path(folder, "context")
    return sorted(file.name[len(flow_name) + 1 : -5] for file in place.glob("*.json") if file.name.startswith(f"{flow_name}_"))


def plain_secrets(values: Mapping[str, Any], file: str = "") -> list[Problem]:
    """A problem for every value that looks like a secret written down: its name says so, and it is a text."""
    return [
        Problem(
            "PYE397",
            f"the context variable `{name}` looks like a secret written in plain text",
            Place(file),
            "Keep it in Vault or in the environment: `{{vault:path#key}}` or `{{env.NAME}}` in a field for secrets.",
        )
        for name, value in values.items()
        if isinstance(value, str) and value and _SECRET.search(name)
    ]


def environment(flow: Flow) -> dict[str, str]:
    """The environment variables that the flow declares in ``flow.env``.

    Raises:
        PypeError: one is not set (PYE394).
    """
    missing = [name for name in flow.flow.env if name not in os.environ]
    if missing:
        at = {name: flow.marks.place(("flow", "env", number)) for number, name in enumerate(flow.flow.env)}
        mend = "Set it, or take it out of `flow.env`."
        raise PypeError(*(Problem("PYE394", f"the environment variable `{name}` is not set", at[name], mend, phase="plan") for name in missing))
    return {name: os.environ[name] for name in flow.flow.env}


def _read(file: Path) -> dict[str, Any] | None:
    """The values in ``file``; None when there is no such file."""
    try:
        text = foreign.read_bytes(file).decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise PypeError(Problem("PYE393", f"the context file cannot be read: {reason}", Place(str(file)), "Check the file and its permissions.")) from error
    try:
        values = foreign.parse_json(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        where = Place(str(file), error.lineno, error.colno)
        raise PypeError(Problem("PYE393", f"the context file is not JSON: {error.msg}", where, "Correct it there.")) from error
    except ValueError as error:
        raise PypeError(Problem("PYE393", f"the context file cannot be used: {error}", Place(str(file)), "Correct it.")) from error
    if not isinstance(values, dict):
        raise PypeError(Problem("PYE393", "a context file is one JSON object", Place(str(file)), 'Write {"name": value, …}.'))
    for name, value in values.items():
        if (asks := _QUESTION.match(name)) is not None:
            wrong = "" if isinstance(value, str) and value.strip() else f"the question of `{name}` is no text"
            if asks[2] and asks[1] in values:
                wrong = f"`{asks[1]}` is asked for as a secret, and stands there too"
            if wrong:
                raise PypeError(Problem("PYE393", wrong, Place(str(file)), 'Write "name?": "Which name?", and no secret.'))
        elif not _NAME.match(name):
            raise PypeError(Problem("PYE393", f"`{name}` is no name of a variable", Place(str(file)), "Names are letters, digits and `_`."))
        if isinstance(value, dict | list):
            raise PypeError(
                Problem("PYE393", f"the value of `{name}` is a {type(value).__name__}", Place(str(file)), "Values are texts, numbers, true, false or null.")
            )
    return values


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"`{name}` stands there twice")
        found[name] = value
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")
