"""A Flow back into its text: only what changed is written, every other byte stays.

``write`` takes the difference of two Flows and patches the text by spans: comments, order, quotes,
line ends and blank lines of everything untouched survive. The patched text is read again and
compared; where patching cannot say the change, the whole file is written anew and the result says so.
"""

from __future__ import annotations

import logging

import yaml

from pypeline.schema import collection
from pypeline.schema.decode import BOM
from pypeline.schema.emit import block
from pypeline.schema.flow import FORMAT, Flow
from pypeline.schema.patching import CannotPatch, Patcher, Seat
from pypeline.schema.plain import plain
from pypeline.schema.problems import Place, Problem, PypeError
from pypeline.schema.reader import parse
from pypeline.schema.record import record
from pypeline.schema.scalars import same
from pypeline.schema.spans import compose

_log = logging.getLogger(__name__)


@record
class Patched:
    """The new text; ``whole`` says that the file was written anew and comments were lost."""

    text: str
    whole: bool = False


def write(base_text: str, base_flow: Flow, new_flow: Flow) -> str:
    """``base_text`` changed so that it reads as ``new_flow``; a rewrite of the whole file is logged as a warning.

    Raises:
        PypeError: see :func:`patch`.
    """
    patched = patch(base_text, base_flow, new_flow)
    if patched.whole:
        _log.warning("the change could not be written as a patch; the whole flow file was written anew, without its comments")
    return patched.text


def patch(base_text: str, base_flow: Flow, new_flow: Flow) -> Patched:
    """``base_text``, which reads as ``base_flow``, changed so that it reads as ``new_flow``.

    Raises:
        PypeError: the new flow holds a value that no flow file can hold.
    """
    if base_flow is new_flow:
        return Patched(base_text)
    with collection.paused():
        return _patch(base_text, base_flow, new_flow)


def _patch(base_text: str, base_flow: Flow, new_flow: Flow) -> Patched:
    old, new = plain(base_flow), plain(new_flow)
    if same(old, new):
        return Patched(base_text)
    text = base_text.removeprefix(BOM)
    mark = base_text[: len(base_text) - len(text)]
    try:
        root = compose(text)
        if root is None:
            raise CannotPatch
        patcher = Patcher(text)
        patcher.value(Seat(root, 0, 0), old, new)
        patched = patcher.text()
        if _reads_as(patched, new):
            return Patched(mark + patched)
    except (CannotPatch, yaml.YAMLError):
        pass  # said by the result: the whole file is written
    whole = dump(new_flow)
    return Patched(mark + (whole.replace("\n", "\r\n") if "\r\n" in text else whole), whole=True)


def dump(flow: Flow) -> str:
    """A flow as a new file: canonical order, defaults left out, line ends LF.

    Raises:
        PypeError: a value that no flow file can hold, such as half a surrogate pair.
    """
    data = plain(flow)
    sections = [block({"format": FORMAT}, 0)] + [block({key: value}, 0) for key, value in data.items()]
    text = "\n".join("\n".join(lines) + "\n" for lines in sections[1:])
    text = "\n".join(sections[0]) + "\n" + text
    if not _reads_as(text, data):
        message = "the flow holds a value that no flow file can hold"
        raise PypeError(Problem("PYE140", message, Place(flow.marks.file), "Undo the last edit, or look for a text with broken characters."))
    return text


def _reads_as(text: str, data: object) -> bool:
    flow, _ = parse(text)
    return flow is not None and same(plain(flow), data)
