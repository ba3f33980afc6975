"""The files of a source: what a path, folder or pattern stands for, and what identifies a file.

In: what a flow says, and the folder where relative paths start. Out: paths in order and their :class:`FileFact`.
Only regular files are ever opened.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from pypeline.core.facts import FileFact
from pypeline.schema.problems import Place, Problem, PypeError

LARGE = 256 * 2**20
"""Bytes beyond which a file is identified by its stat unless the flow asks for its content."""
ENDINGS = {"csv": (".csv", ".tsv", ".txt", ".csv.gz", ".csv.zst", ".tsv.gz", ".txt.gz"), "parquet": (".parquet", ".parq")}
_CHUNK = 2**20


def matching(said: str | Sequence[str], folder: Path, format: str = "", *, required: bool = True, field: str = "file_path") -> list[Path]:
    """The files that ``said`` (a path, a folder, a pattern, or several) stands for, each once, in order.

    A folder stands for the files of ``format`` directly in it; what a pattern or folder gives is sorted by path.

    Raises:
        PypeError: nothing is there (PYE390), or something is no regular file (PYE391); placed at ``field``.
    """
    found: dict[Path, None] = {}
    several = [said] if isinstance(said, str) else list(said)
    for number, text in enumerate(several):
        place = Place(path=(field,) if isinstance(said, str) else (field, number))
        found.update(dict.fromkeys(_one(str(text), folder, format, place, required=required)))
    return list(found)


def fact(path: Path, folder: Path, field: str, *, content: bool, most: int) -> FileFact:
    """What identifies ``path``: its stat, and its digest if ``content`` and it has at most ``most`` bytes.

    The path is kept relative to ``folder`` where it lies in it, so that a copied project has equal facts.

    Raises:
        PypeError: it is no regular file, or may not be read (PYE391).
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _unreadable(path, "it is not a regular file", Place(path=(field,)))
        if not os.access(path, os.R_OK):
            raise _unreadable(path, "you may not read it", Place(path=(field,)))
        text = digest(path) if content and found.st_size <= most else ""
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), Place(path=(field,))) from error
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return FileFact(shown.as_posix(), found.st_size, found.st_mtime_ns, found.st_ino, text)


def digest(path: Path) -> str:
    """The xxh3-128 (hex) of a file's content."""
    import xxhash

    made = xxhash.xxh3_128()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    text: str = made.hexdigest()
    return text


def _one(text: str, folder: Path, format: str, place: Place, *, required: bool) -> list[Path]:
    path = Path(os.path.normpath(folder / text))
    if path.is_dir():
        endings = ENDINGS.get(format, ("",))
        files = sorted(f for f in path.iterdir() if f.is_file() and f.name.lower().endswith(endings) and not f.name.startswith("."))
        kinds = ", ".join(f"*{ending}" for ending in endings[:3])
        return _some(files, f"the folder `{text}` holds no file of this kind ({kinds})", place, required=required, mend="Give a pattern, such as `data/*.dat`.")
    if os.path.lexists(path):
        if not path.is_file():
            raise _unreadable(path, "it is not a regular file" if path.exists() else "it is a link to nothing", place)
        return [path]
    if glob.has_magic(text):
        files = sorted(Path(p) for p in glob.glob(str(path), recursive=True) if Path(p).is_file())
        return _some(files, f"no file matches `{text}` in `{folder}`", place, required=required, mend=_near(path))
    return _some([], f"there is no file `{text}`", place, required=required, mend=_near(path))


def _some(files: list[Path], message: str, place: Place, *, required: bool, mend: str) -> list[Path]:
    if files or not required:
        return files
    raise PypeError(Problem("PYE390", message, place, mend or "Correct the path, or say `file_required: false`.", phase="plan"))


def _near(path: Path) -> str:
    """What is nearest to ``path``: a name in its folder, or the first of its folders that is missing."""
    parent = path.parent
    if not parent.is_dir():
        missing = parent
        while not missing.parent.is_dir() and missing.parent != missing:
            missing = missing.parent
        return f"The folder `{missing}` does not exist either."
    names = sorted(entry.name for entry in parent.iterdir())
    near = get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"In that folder there is {', '.join(f'`{name}`' for name in near)}." if near else ""


def _unreadable(path: Path, why: str, place: Place) -> PypeError:
    return PypeError(Problem("PYE391", f"`{path}` cannot be read: {why}", place, "Give the path of a regular file that you may read.", phase="plan"))
