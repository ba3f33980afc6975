"""Make `.venv` from nothing but a bare Python: what `make` runs before anything else.

In: `requirements.lock` (hashes), `pyproject.toml`; with `--desktop` also `requirements-desktop.lock`.
Out: `.venv` with the locked packages and this project, and one file for each lock, `.venv/.ready-…`,
which holds a digest of what it was made from. Standard library only, and old syntax, so that an
old Python can say clearly that it is too old.

Where a system has no `ensurepip` (Debian splits it off), the environment is made without pip, and
pip comes from the package index that pip itself is set up to use: one pinned wheel, digest checked.
"""

import configparser
import hashlib
import html.parser
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
DESKTOP_LOCK = ROOT / "requirements-desktop.lock"
OLDEST, NEWEST = (3, 11), (3, 14)
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
SECONDS = 60


def main() -> int:
    """Make or refresh the environment; 0 when it is ready, 2 with one line of advice when it cannot be."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        return use_another_python()
    locks = [LOCK, DESKTOP_LOCK] if "--desktop" in sys.argv[1:] else [LOCK]
    wanted = [lock for lock in locks if not is_ready(lock)]
    if not wanted:
        return 0
    python = VENV / "bin" / "python"
    print("making .venv ready: " + ", ".join(lock.name for lock in wanted), flush=True)
    if not works(python):
        shutil.rmtree(VENV, ignore_errors=True)
        venv.EnvBuilder(with_pip=has_ensurepip(), symlinks=True).create(str(VENV))
    with tempfile.TemporaryDirectory(prefix="pypeline-bootstrap-") as folder:
        pip = [str(python), "-m", "pip"]
        if not works(python, "pip"):
            wheel = fetch_pip(pathlib.Path(folder))
            if wheel is None:
                print("cannot get pip: no package index answers. Install it once as root: apt-get install -y python3-venv", file=sys.stderr)
                return 2
            pip = [str(python), "%s/pip" % wheel]  # noqa: UP031 -- a wheel runs as a zip
        quiet = ["--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]
        steps = [["--require-hashes", "--only-binary", ":all:", "-r", str(lock)] for lock in wanted]
        for what in [*steps, ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]]:
            if subprocess.call(pip + ["install"] + quiet + what):  # noqa: RUF005
                print("cannot install into .venv: see pip's message above", file=sys.stderr)
                return 2
    for lock in wanted:
        stamp(lock).write_text(digest(lock))
    return 0


def use_another_python() -> int:
    """Go on with a Python that fits, if one is on the path; else say which to install."""
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor)  # noqa: UP031
        if found and works(pathlib.Path(found)):
            return subprocess.call([found, str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
    have = "%d.%d" % sys.version_info[:2]  # noqa: UP031
    print("Python 3.11 to 3.14 is needed, python3 here is %s. Run: make PYTHON=/path/to/python3.11" % have, file=sys.stderr)  # noqa: UP031
    return 2


def stamp(lock: pathlib.Path) -> pathlib.Path:
    """The file that says what of ``lock`` is installed."""
    return VENV / (".ready-" + lock.stem)


def is_ready(lock: pathlib.Path) -> bool:
    """Whether ``.venv`` holds ``lock`` as it is now."""
    return stamp(lock).is_file() and stamp(lock).read_text() == digest(lock)


def digest(lock: pathlib.Path) -> str:
    """A digest of all that decides what installing ``lock`` gives."""
    parts = [lock.read_bytes(), (ROOT / "pyproject.toml").read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def has_ensurepip() -> bool:
    """Whether this Python brings its own pip."""
    try:
        return bool(importlib.import_module("ensurepip").version())
    except (ImportError, AttributeError, OSError):
        return False


def works(python: pathlib.Path, module: str = "sys") -> bool:
    """Whether ``python`` starts and has ``module``."""
    if not python.exists():
        return False
    return subprocess.call([str(python), "-c", "import " + module], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def fetch_pip(folder: pathlib.Path) -> "pathlib.Path | None":
    """The pinned pip wheel, copied into ``folder`` from the first place that has it whole; None if none has."""
    links, indexes = configured()
    pages = [(place, False) for place in links] + [(index.rstrip("/") + "/pip/", True) for index in indexes]
    for page, is_index in pages:
        try:
            found = (find_on_page(page) if is_index or "://" in page else None) or (local(page) if "://" not in page else None)
            if found is None:
                continue
            with urllib.request.urlopen(found, timeout=SECONDS) as answer:  # noqa: S310 -- the configured index, digest checked below
                data = answer.read()
        except (OSError, ValueError) as reason:
            print("no pip from %s: %s" % (shown(page), reason), file=sys.stderr)  # noqa: UP031
            continue
        if hashlib.sha256(data).hexdigest() != PIP_SHA256:
            print("%s at %s is not the pinned one, left alone" % (PIP_WHEEL, shown(page)), file=sys.stderr)  # noqa: UP031
            continue
        wheel = folder / PIP_WHEEL
        wheel.write_bytes(data)
        return wheel
    return None


def configured() -> "tuple[list[str], list[str]]":
    """What pip is told on this machine, by variables and files: (find-links, indexes)."""
    told = {}  # type: dict[str, str]
    home = pathlib.Path.home()
    files = [pathlib.Path("/etc/pip.conf"), home / ".pip" / "pip.conf", pathlib.Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "pip" / "pip.conf"]
    files += [pathlib.Path(p) for p in [os.environ.get("PIP_CONFIG_FILE", "")] if p]
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(str(file), encoding="utf-8")
        except (configparser.Error, OSError, UnicodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                told.update(parser.items(section))
    for key in ("index-url", "extra-index-url", "find-links", "no-index"):
        value = os.environ.get("PIP_" + key.upper().replace("-", "_"))
        if value is not None:
            told[key] = value
    links = told.get("find-links", "").split()
    if told.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        return links, []
    indexes = [told.get("index-url") or public_index(), *told.get("extra-index-url", "").split()]
    return links, [index for index in indexes if index]


def public_index() -> str:
    """pip's own default, for a machine on which nothing is configured, as the standard library names it; empty if it does not."""
    spec = importlib.util.find_spec("unittest.mock")
    text = pathlib.Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    named = re.search(r"https://pypi\.[a-z]+(?=/)", text)
    return named.group() + "/simple" if named else ""


def local(place: str) -> "str | None":
    """The wheel in a local folder, as a file URL."""
    file = pathlib.Path(place).expanduser() / PIP_WHEEL
    return file.resolve().as_uri() if file.is_file() else None


def find_on_page(page: str) -> "str | None":
    """The address of the wheel among the links of an index page."""
    if page.startswith("file:") and page.endswith("/"):
        page += "index.html"
    with urllib.request.urlopen(urllib.request.Request(page, headers={"Accept": "text/html"}), timeout=SECONDS) as answer:  # noqa: S310
        links = Links()
        links.feed(answer.read().decode("utf-8", "replace"))
        for link in links.found:
            address = urllib.parse.urljoin(answer.url, link)
            if urllib.parse.unquote(urllib.parse.urlsplit(address).path).rpartition("/")[2] == PIP_WHEEL:
                return address
    return None


def shown(address: str) -> str:
    """``address`` without a user name or password that it may carry."""
    parts = urllib.parse.urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class Links(html.parser.HTMLParser):
    """Collects the targets of a page's links."""

    def __init__(self) -> None:
        super().__init__()
        self.found = []  # type: list[str]

    def handle_starttag(self, tag: str, attrs: "list[tuple[str, str | None]]") -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


if __name__ == "__main__":
    sys.exit(main())
