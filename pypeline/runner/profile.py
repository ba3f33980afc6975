"""A profile: what tasks ask of the machine where the flow runs, kept beside the flow and not in it.

``settings.profile: NAME`` names ``profiles/NAME.json`` in the flow's or job's folder:
``{"resources": {"cpus": 4, "memory": "8GiB"}}``, with the keys of ``resources`` in a flow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pypeline.runner.store import foreign
from pypeline.schema.flow import Flow, Resources
from pypeline.schema.problems import Problem, PypeError

FOLDER = "profiles"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


def file_of(name: str) -> str:
    """Where the profile ``name`` lies in the flow's folder."""
    return f"{FOLDER}/{name}.json"


def read(flow: Flow, folder: Path) -> Mapping[str, Any]:
    """The resources in the profile that the flow names; empty where it names none.

    Raises:
        PypeError: PYE277, there is no such profile, or it cannot be used.
    """
    name = flow.settings.profile
    if name is None:
        return {}
    if not _NAME.match(name):
        raise _refused(flow, f"`{name}` is no name of a profile", "Use letters, digits, `-` and `_`.")
    file = folder / file_of(name)
    try:
        said = foreign.parse_json(foreign.read_bytes(file))
    except FileNotFoundError:
        known = ", ".join(f"`{path.stem}`" for path in sorted((folder / FOLDER).glob("*.json"))[:8])
        raise _refused(flow, f"there is no profile `{name}`", f"Known: {known}." if known else f"Write {file_of(name)}, or take the name out.") from None
    except (OSError, ValueError) as error:
        raise _refused(flow, f"the profile `{file}` cannot be read: {error}", "Correct it.") from error
    if not isinstance(said, dict) or set(said) - {"resources"}:
        raise _refused(flow, f"the profile `{file}` holds something else than resources", 'Write {"resources": {…}}.')
    try:
        return Resources.model_validate(said.get("resources", {})).model_dump()
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(["resources", *map(str, found["loc"])])
        raise _refused(flow, f"the profile `{file}`: {where}: {found['msg']}", "Correct it there.") from error


def _refused(flow: Flow, message: str, mend: str) -> PypeError:
    return PypeError(Problem("PYE277", message, flow.marks.place(("settings", "profile")), mend, phase="plan"))
