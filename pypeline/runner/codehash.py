"""The hash of what a module's code *means*: its AST and that of every project definition it reaches.

Comments, blank lines, formatting and docstrings do not count; a helper function, class or constant of the same project
that the module uses does, wherever it stands, because a result is stale when any of them changed. Code outside the
project (installed packages, the standard library) counts by its package's version elsewhere in the key.
Nothing is imported or run: files are read and parsed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import xxhash

from pypeline.schema.record import record


def code_hash(file: Path, root: Path, within: Path | None = None) -> str:
    """xxh3-128 (hex) of ``file`` and of all it reaches ``within`` the project.

    ``root`` is the folder that absolute imports start from; ``within`` lies in it, and is all of it when not given.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is not Python.
    """
    reached: dict[str, str] = {}
    walk = _Walk(root.resolve(), (within or root).resolve(), reached)
    walk.whole(file.resolve())
    digest = xxhash.xxh3_128()
    for key in sorted(reached):
        digest.update(f"{key}\0{reached[key]}\0".encode())
    return digest.hexdigest()


def reached_files(file: Path, root: Path) -> tuple[Path, ...]:
    """``file`` and every file of the project that it reaches, relative to ``root``, sorted.

    Raises:
        OSError: the file cannot be read.
        SyntaxError: it is not Python.
    """
    reached: dict[str, str] = {}
    _Walk(root.resolve(), root.resolve(), reached).whole(file.resolve())
    return tuple(sorted({Path(key.rpartition(":")[0]) for key in reached}))


def text_hash(source: str) -> str:
    """The hash of a piece of Python alone; of the text itself where it is not Python."""
    try:
        meaning = _meaning(ast.parse(source))
    except SyntaxError:
        meaning = source
    return xxhash.xxh3_128(meaning.encode()).hexdigest()


@record
class _File:
    """A parsed file: top-level definitions by name, other statements, and what its imports name."""

    definitions: dict[str, list[ast.stmt]]
    others: list[ast.stmt]
    imports: dict[str, tuple[str, str]]
    stars: tuple[str, ...]


@dataclass(slots=True)
class _Walk:
    """One closure. ``reached``: ``file:name`` → meaning; a file's import-time statements count as name ``*``.
    ``files`` are the files of the dotted modules that were asked for."""

    root: Path
    within: Path
    reached: dict[str, str]
    todo: list[tuple[Path, str]] = field(default_factory=list)
    files: dict[str, Path | None] = field(default_factory=dict)

    def whole(self, file: Path) -> None:
        """Everything in ``file``, then whatever that reaches, until nothing is new."""
        parsed = _parsed(file, self.root, file.stat().st_mtime_ns)
        self.todo.extend((file, name) for name in (*parsed.definitions, "*"))
        for star in parsed.stars:
            self._module(star)
        while self.todo:
            self._visit(*self.todo.pop())

    def _visit(self, file: Path, name: str) -> None:
        key = f"{file.relative_to(self.root)}:{name}"
        if key in self.reached:
            return
        parsed = _parsed(file, self.root, file.stat().st_mtime_ns)
        if name in parsed.imports and name not in parsed.definitions:
            self._imported(*parsed.imports[name])
            return
        statements = parsed.others if name == "*" else parsed.definitions.get(name, [])
        self.reached[key] = "\n".join(_meaning(s) for s in statements)
        for statement in statements:
            for chain in _chains(statement):
                self._used(file, parsed, chain)
            for module, imported in _inner_imports(statement, file.relative_to(self.root).parts[:-1]):
                self._imported(module, imported)
        if name != "*":
            self.todo.append((file, "*"))

    def _used(self, file: Path, parsed: _File, chain: tuple[str, ...]) -> None:
        first = chain[0]
        if first in parsed.definitions:
            self.todo.append((file, first))
        elif first in parsed.imports:
            module, name = parsed.imports[first]
            whole = f"{module}.{name}" if name else module
            rest = chain[1:]
            while rest and self._file(f"{whole}.{rest[0]}") is not None:  # import a.b.c; a.b.c.f
                whole, rest = f"{whole}.{rest[0]}", rest[1:]
            target = self._file(whole)
            if target is None:
                self._imported(module, name)
            elif rest and rest[0] in _parsed(target, self.root, target.stat().st_mtime_ns).definitions:
                self.todo.append((target, rest[0]))
            else:
                self._module(whole)
        else:
            for star in parsed.stars:
                target = self._file(star)
                if target is not None and first in _parsed(target, self.root, target.stat().st_mtime_ns).definitions:
                    self.todo.append((target, first))

    def _imported(self, module: str, name: str) -> None:
        target = self._file(module)
        if target is None or not name:
            self._module(module)
            return
        if self._file(f"{module}.{name}") is not None:
            self._module(f"{module}.{name}")
        else:
            self.todo.append((target, name))

    def _module(self, module: str) -> None:
        """All of a project module, where it cannot be told which part is used."""
        target = self._file(module)
        if target is not None:
            parsed = _parsed(target, self.root, target.stat().st_mtime_ns)
            self.todo.extend((target, name) for name in (*parsed.definitions, "*"))

    def _file(self, module: str) -> Path | None:
        """The project's file of the dotted ``module``; None for code from elsewhere."""
        if module not in self.files:
            base = self.root.joinpath(*module.split("."))
            candidates = (base.with_suffix(".py"), base / "__init__.py")
            self.files[module] = next((c for c in candidates if c.is_relative_to(self.within) and c.is_file()), None)
        return self.files[module]


@lru_cache(maxsize=512)
def _parsed(file: Path, root: Path, mtime_ns: int) -> _File:
    tree = ast.parse(file.read_bytes(), str(file))
    here = file.relative_to(root).with_suffix("").parts
    package = here[:-1]
    parsed = _File({}, [], {}, ())
    stars: list[str] = []
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            parsed.definitions.setdefault(statement.name, []).append(statement)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                parsed.imports[alias.asname or alias.name.partition(".")[0]] = (alias.name if alias.asname else alias.name.partition(".")[0], "")
        elif isinstance(statement, ast.ImportFrom):
            module = _origin(statement, package)
            for alias in statement.names:
                if alias.name == "*":
                    stars.append(module)
                else:
                    parsed.imports[alias.asname or alias.name] = (module, alias.name)
        elif names := list(_assigned(statement)):
            for name in names:
                parsed.definitions.setdefault(name, []).append(statement)
        elif not _is_docstring(statement):
            parsed.others.append(statement)
    return _File(parsed.definitions, parsed.others, parsed.imports, tuple(stars))


def _origin(statement: ast.ImportFrom, package: tuple[str, ...]) -> str:
    """The module that a ``from … import`` in ``package`` names."""
    base = ".".join(package[: len(package) - statement.level + 1]) if statement.level else ""
    return ".".join(part for part in (base, statement.module or "") if part)


def _inner_imports(statement: ast.stmt, package: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(module, name) of imports inside a definition or a condition; the name is empty for a whole module."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((_origin(node, package), "" if alias.name == "*" else alias.name) for alias in node.names)


def _assigned(statement: ast.stmt) -> Iterator[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target] if isinstance(statement, ast.AnnAssign | ast.AugAssign) else []
    for target in targets:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id


def _chains(statement: ast.stmt) -> Iterator[tuple[str, ...]]:
    """The dotted names in ``statement``, each as long as it is: ``a.b.c`` as ("a", "b", "c")."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield (inner.id, *reversed(parts))
        else:
            todo.extend(ast.iter_child_nodes(inner))


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and isinstance(statement.value.value, str)


_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _meaning(node: ast.AST) -> str:
    """The tree as text, without docstrings and without places. As ``ast.dump`` of a stripped copy, at a third of its cost."""
    told: list[str] = []
    _tell(node, told)
    return "".join(told)


def _tell(value: object, told: list[str]) -> None:
    if isinstance(value, ast.AST):
        told.append(type(value).__name__)
        told.append("(")
        for name in value._fields:
            part = getattr(value, name, None)
            if part is None or part == []:
                continue
            if name == "body" and isinstance(value, _WITH_DOCSTRING) and _is_docstring(part[0]):
                part = part[1:] or [ast.Pass()]
            told.append(name)
            told.append("=")
            _tell(part, told)
            told.append(",")
        told.append(")")
    elif isinstance(value, list):
        told.append("[")
        for part in value:
            _tell(part, told)
            told.append(",")
        told.append("]")
    else:
        told.append(repr(value))
