"""Settings and the keys modules share with them: memory, times, slots, stages, databases."""

from __future__ import annotations

import re

from pypeline.core.checks.finding import Finding
from pypeline.schema.flow import Resources
from pypeline.schema.problems import Path, Place, did_you_mean

_MEMORY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*(B|[KMGT]i?B)\s*$", re.IGNORECASE)
_FACTORS = {"": 1, "k": 1000, "m": 1000**2, "g": 1000**3, "t": 1000**4, "ki": 1024, "mi": 1024**2, "gi": 1024**3, "ti": 1024**4}
_TIME = re.compile(r"^(?:(?:(\d+)-)?(\d{1,3}):)?([0-5]?\d):([0-5]\d)$")
STAGES = ("ingest", "normalize", "extract", "link", "index", "serve")
"""The stages of a flow that names none."""


def memory_bytes(text: str) -> int | None:
    """``2GiB`` or ``500 MB`` as bytes; None for anything else."""
    found = _MEMORY.match(text)
    if found is None:
        return None
    return int(float(found[1]) * _FACTORS[found[2].lower().removesuffix("b")])


def settings(finding: Finding) -> None:
    """``settings`` themselves."""
    own = finding.flow.settings
    _memory(finding, own.memory_limit, ("settings", "memory_limit"))
    if own.resources is not None:
        _resources(finding, own.resources, ("settings", "resources"), "")
    if own.retry is not None and own.retries is not None:
        _twice(finding, finding.flow.marks.place(("settings", "retries")), "settings")


def modules(finding: Finding) -> None:
    """What modules say of resources, stages, databases and retries."""
    stages = [stage if isinstance(stage, str) else stage.name for stage in finding.flow.flow.stages] or list(STAGES)
    for at, module in enumerate(finding.flow.modules):
        if module.resources is not None:
            _resources(finding, module.resources, ("modules", at, "resources"), module.id)
        if module.retry is not None and module.retries is not None:
            _twice(finding, finding.module_place(module.id, "retries"), f"`{module.id}`")
        if module.stage is not None and module.stage not in stages:
            finding.say("PYE271", f"there is no stage `{module.stage}`", finding.module_place(module.id, "stage"), _capital(did_you_mean(module.stage, stages)))
        if module.transaction is not None and module.transaction not in finding.flow.databases:
            finding.say(
                "PYE272", f"there is no database `{module.transaction}`", finding.module_place(module.id, "transaction"),
                _capital(did_you_mean(module.transaction, finding.flow.databases)) or "Describe it under `databases:`.",
            )  # fmt: skip


def _resources(finding: Finding, own: Resources, path: Path, module: str) -> None:
    _memory(finding, own.memory, (*path, "memory"), module)
    if own.time is not None and not _TIME.match(own.time):
        finding.say("PYE275", f"`{own.time}` is no time", finding.flow.marks.place((*path, "time"), module), 'Write hours, minutes and seconds: `"00:30:00"`.')
    slots = finding.flow.settings.slots
    for name, count in own.slots.items():
        place = finding.flow.marks.place((*path, "slots", name), module)
        if name not in slots:
            finding.say(
                "PYE274", f"there are no slots `{name}`", place, _capital(did_you_mean(name, slots)) or "Say how many there are under `settings.slots`."
            )
        elif count > slots[name]:
            finding.say(
                "PYE274",
                f"{count} slots `{name}` are asked for, and there are {slots[name]}: the task could never start",
                place,
                f"Ask for at most {slots[name]}.",
            )


def _memory(finding: Finding, text: str | None, path: Path, module: str = "") -> None:
    if text is not None and not memory_bytes(text):
        finding.say("PYE273", f"`{text}` is no amount of memory", finding.flow.marks.place(path, module), "Write a number and a unit: `2GiB`, `500MB`.")


def _twice(finding: Finding, place: Place, what: str) -> None:
    finding.say("PYE276", f"{what} says both `retries` and `retry`", place, "Keep one of them: `retry.attempts` is `retries` + 1.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
