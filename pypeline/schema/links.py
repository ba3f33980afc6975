"""The short text forms of links: ``a.data - b.input`` and ``a (1|error) b``.

Only the outer form is taken apart here; what stands between the parentheses is core's business.
"""

from __future__ import annotations

import re
from typing import Any

DATA_LINK = re.compile(r"^\s*(?P<source>[^\s.()|]+)\.(?P<source_port>[^\s.()|]+)\s+-\s+(?P<target>[^\s.()|]+)\.(?P<target_port>[^\s.()|]+)\s*$")
CONTROL_LINK = re.compile(r"^\s*(?P<source>[^\s()|]+)\s*\((?P<valve>.*)\)\s*(?P<target>[^\s()|]+)\s*$", re.DOTALL)

# the same two forms for JSON Schema, whose patterns know no named groups
DATA_LINK_PATTERN = r"^\s*[^\s.()|]+\.[^\s.()|]+\s+-\s+[^\s.()|]+\.[^\s.()|]+\s*$"
CONTROL_LINK_PATTERN = r"^\s*[^\s()|]+\s*\([\s\S]*\)\s*[^\s()|]+\s*$"


def data_link_parts(value: Any) -> Any:
    """The parts of a data link's text; a mapping or model passes through.

    Raises:
        ValueError: the text is no data link.
    """
    if not isinstance(value, str):
        return value
    found = DATA_LINK.match(value)
    if found is None:
        raise ValueError("a data link reads `module.port - module.port`")
    return found.groupdict()


def control_link_parts(value: Any) -> Any:
    """The parts of a control link's text; a mapping or model passes through.

    Raises:
        ValueError: the text is no control link.
    """
    if not isinstance(value, str):
        return value
    found = CONTROL_LINK.match(value)
    if found is None:
        raise ValueError("a control link reads `module (order|condition) module`")
    return found.groupdict()
