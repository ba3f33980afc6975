"""The variables of a whole flow, checked before anything runs.

Comes in: a Flow, the catalogue, and the context values where they are known. Goes out: a problem
for every reference that is misspelled, unknown, too early, undeclared, out of its iteration, or a
secret where none may be. Fills nothing in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pypeline.core import configs
from pypeline.core.catalogue import Catalogue
from pypeline.core.graph import ControlEdge, PipelineGraph
from pypeline.core.modules import Effects
from pypeline.core.ports import set_globals
from pypeline.core.texterror import position
from pypeline.core.variables import Reference, VariableError, find, unknown
from pypeline.core.variables_context import Asked, context_warnings, looks_secret
from pypeline.core.variables_shell import check_places
from pypeline.schema.flow import Flow, Module
from pypeline.schema.problems import Path, Place, Problem, did_you_mean
from pypeline.schema.record import record

_FROM_OUTSIDE = ("vault", "env")


@record
class _Use:
    """One text with variables: where it stands, and who reads it (a module, or a control link)."""

    text: str
    path: Path
    editor: str = ""
    module: str = ""
    edge: ControlEdge | None = None


def check_flow_variables(flow: Flow, catalogue: Catalogue, context: Mapping[str, Any] | None = None, graph: PipelineGraph | None = None) -> list[Problem]:
    """All problems with the variables of ``flow``, in file order. ``context`` maps context names to
    values; None leaves unknown context names unreported. What is misspelled inside an expression or
    SQL is reported by the check of that, not here."""
    return _Check(flow, catalogue, context, graph or PipelineGraph(flow, catalogue)).run()


class _Check:
    def __init__(self, flow: Flow, catalogue: Catalogue, context: Mapping[str, Any] | None, graph: PipelineGraph) -> None:
        self.flow = flow
        self.catalogue = catalogue
        self.context = context
        self.graph = graph
        self.modules = {module.id: module for module in flow.modules}
        self.above: dict[int, frozenset[int]] = {}
        self.waits: dict[str, dict[str, tuple[Reference, _Use]]] = {}
        self.problems: list[Problem] = []
        self.secret_env: set[str] = set()
        self.open_env: list[tuple[_Use, Reference]] = []

    def run(self) -> list[Problem]:
        for at, module in enumerate(self.flow.modules):
            self._secrets_in(module.note, ("modules", at, "note"), module.id)
            for use in self._uses(at, module):
                self._use(use)
        for edge in self.graph.edges:
            if edge.spec.condition is not None and "{{" in edge.spec.condition:
                self._use(_Use(edge.spec.condition, ("connections", "control", edge.index), "expression", edge=edge))
        self._secrets_in(self.flow.flow.description, ("flow", "description"))
        for name, database in self.flow.databases.items():
            self._secrets_in(database.url, ("databases", name, "url"))
            if looks_secret("url", database.url):
                self._report("PYE248", "the address holds a plain password", ("databases", name, "url"), "Take it out and put a reference under `secret`.")
            if database.secret is not None:
                self._secret_field(_Use(database.secret, ("databases", name, "secret"), "secret"))
        for use, ref in self.open_env:
            if ref.name in self.secret_env:
                self._wrong(use, ref, "PYE257", f"`{{{{{ref.key}}}}}` is a secret elsewhere in this flow", "Use it in secret fields only.")
        self._circle()
        if self.context is not None:
            self.problems += context_warnings(self.context)
        return self.problems

    def _uses(self, at: int, module: Module) -> Iterator[_Use]:
        decl = self.catalogue.get(module.name)
        schema = decl.json_schema if decl is not None else None
        for half in ("required", "optional"):
            config = getattr(module.configs, half)
            for text in configs.texts(config, schema):
                if text.editor == "secret" or (text.editor != "code" and "{{" in text.text):
                    yield _Use(text.text, ("modules", at, "configs", half, *text.path), text.editor, module.id)

    def _use(self, use: _Use) -> None:
        if use.editor == "secret":
            self._secret_field(use)
            return
        refs = self._references(use)
        if use.editor == "shell":
            try:
                check_places(use.text, refs)
            except VariableError as error:
                self.problems.append(error.problem(self._place(use.path, use.module), use.text))
        for ref in refs:
            if ref.kind == "vault":
                self._wrong(use, ref, "PYE247", "secrets only in fields marked secret", "Put it into a secret field of this module, or of a database.")
            elif self._asked_as_secret(ref) and self.context is not None:
                self._wrong(use, ref, "PYE247", f"`{{{{{ref.key}}}}}` is asked for as a secret: only in fields marked secret", "Put it into a secret field.")
            else:
                if ref.kind == "env":
                    self.open_env.append((use, ref))
                self._reference(use, ref)

    def _asked_as_secret(self, ref: Reference) -> bool:
        """Whether ``ref`` is a context value that is asked for as a secret, or may be while the context is not known."""
        if ref.kind != "context":
            return False
        found = self.context.get(ref.name) if self.context is not None else Asked(secret=True)
        return isinstance(found, Asked) and found.secret

    def _references(self, use: _Use) -> list[Reference]:
        try:
            return find(use.text)
        except VariableError as error:
            # the check of expressions and SQL reports its own
            if use.editor not in configs.BOUND:
                self.problems.append(error.problem(self._place(use.path, use.module), use.text))
            return []

    def _secret_field(self, use: _Use) -> None:
        if not use.text:
            return
        refs = self._references(use) if "{{" in use.text else []
        for ref in refs:
            if ref.kind == "env":
                self.secret_env.add(ref.name)
                self._reference(use, ref)
            if ref.kind == "context" and self.context is not None and ref.name not in self.context:
                self._reference(use, ref)
        whole = len(refs) == 1 and (refs[0].kind in _FROM_OUTSIDE or self._asked_as_secret(refs[0])) and refs[0].start == 0 and refs[0].end == len(use.text)
        if not whole and (refs or "{{" not in use.text):
            # the value itself is never shown
            self._report(
                "PYE248", "this secret field holds a plain value", use.path, "Put a reference there: `{{vault:path#key}}` or `{{env.NAME}}`.", use.module
            )

    def _secrets_in(self, text: str, path: Path, module: str = "") -> None:
        at = text.find("{{vault:")
        if at >= 0:
            self._report("PYE247", f"secrets only in fields marked secret ({position(text, at)})", path, "Take the reference out.", module)

    def _reference(self, use: _Use, ref: Reference) -> None:
        if ref.kind == "context" and self.context is not None and ref.name not in self.context:
            error = unknown(ref, tuple(f"context.{name}" for name in self.context))
            self.problems.append(error.problem(self._place(use.path, use.module), use.text))
        elif ref.kind == "env" and ref.name not in self.flow.flow.env:
            self._wrong(use, ref, "PYE245", f"the flow does not declare the environment variable `{ref.name}`", f"Add `{ref.name}` to `flow.env`.")
        elif ref.kind == "iter" and not self._in_iteration(use) and self._home(use) not in self._unread:
            self._wrong(
                use,
                ref,
                "PYE246",
                f"`{{{{{ref.key}}}}}` has no value outside an iteration",
                "Move the module below an `iterate` link, or use another variable.",
            )
        elif ref.kind == "global":
            self._global(use, ref)

    # --- globals ----------------------------------------------------------------------------------

    def _global(self, use: _Use, ref: Reference) -> None:
        source = self.modules.get(ref.module)
        if source is None:
            near = did_you_mean(ref.module, self.modules)
            self._wrong(use, ref, "PYE243", f"`{{{{{ref.key}}}}}` reads a global of module `{ref.module}`, which does not exist", near[:1].upper() + near[1:])
            return
        decl = self.catalogue.get(source.name)
        known = set_globals(decl, source) if decl is not None and decl.effects is not Effects.CODE else ("*",)
        if "*" not in known and ref.variable.casefold() not in {name.casefold() for name in known}:
            near = did_you_mean(ref.variable, known)
            self._wrong(
                use, ref, "PYE243", f"module `{source.id}` sets no global `{ref.variable}`", near[:1].upper() + near[1:] or f"`{source.name}` sets no globals."
            )
            return
        if not self._can_be_set(use, source.id) and self._home(use) not in self._unread:
            if use.module:
                self.waits.setdefault(use.module, {}).setdefault(source.id, (ref, use))
            self._wrong(use, ref, "PYE244", f"`{{{{{ref.key}}}}}` cannot have been set yet", self._how_to_wait(use, source.id))

    def _how_to_wait(self, use: _Use, source: str) -> str:
        if use.module == source:
            return "A module cannot read what it sets itself."
        reader = use.module or (use.edge.link.source if use.edge is not None else "")
        if reader in self.graph.sub_flow_of and self.graph.sub_flow_of[reader] == self.graph.sub_flow_of[source]:
            return f"`{reader}` and `{source}` are in one sub flow; read it below `{source}`."
        return f"Let `{reader}` run after `{source}`, by a control link."

    def _can_be_set(self, use: _Use, source: str) -> bool:
        """Whether ``source`` surely runs before ``use`` if both run."""
        mine = use.edge.source if use.edge is not None else self.graph.sub_flow_of[use.module]
        theirs = self.graph.sub_flow_of[source]
        if mine == theirs:
            return use.edge is not None or self._feeds(source, use.module)
        # the usual case first, so that a long chain of readers stays linear
        if any(edge.source == theirs for edge in self.graph.edges_in[mine]) or theirs in self._above(mine):
            return True
        if use.edge is not None and self._earlier(use.edge, theirs):
            return True
        hooks = self.graph.hooks
        if mine in hooks and (theirs not in hooks or hooks.index(theirs) < hooks.index(mine)):
            return True
        reach = self._above(mine) | {mine}
        return any(self._earlier(edge, theirs) for target in reach for edge in self.graph.edges_in[target])

    def _earlier(self, edge: ControlEdge, theirs: int) -> bool:
        """Whether a link of a lower order, from the same source as ``edge``, leads to sub flow ``theirs`` and is waited for."""
        led = self._above(theirs) | {theirs}
        return any(other.order < edge.order and other.spec.trigger != "start" and other.target in led for other in self.graph.edges_out[edge.source])

    def _feeds(self, source: str, reader: str) -> bool:
        seen: set[str] = set()
        stack = [reader]
        while stack:
            for fed in self.graph.fed_by[stack.pop()]:
                if fed == source:
                    return True
                if fed not in seen:
                    seen.add(fed)
                    stack.append(fed)
        return False

    def _above(self, sub_flow: int) -> frozenset[int]:
        if sub_flow not in self.above:
            seen: set[int] = set()
            stack = [sub_flow]
            while stack:
                for edge in self.graph.edges_in[stack.pop()]:
                    if edge.source not in seen:
                        seen.add(edge.source)
                        stack.append(edge.source)
            self.above[sub_flow] = frozenset(seen)
        return self.above[sub_flow]

    def _home(self, use: _Use) -> int:
        """The sub flow in which ``use`` stands."""
        return use.edge.source if use.edge is not None else self.graph.sub_flow_of[use.module]

    @cached_property
    def _unread(self) -> frozenset[int]:
        """The sub flows below a control link that cannot be read: what surrounds them and runs before them is said by it."""
        home, known = self.graph.sub_flow_of, {edge.index for edge in self.graph.edges} | set(self.graph.inner)
        links = enumerate(self.flow.connections.control)
        waiting = [home[link.target] for index, link in links if index not in known and link.target in home]
        found: set[int] = set()
        while waiting:
            sub_flow = waiting.pop()
            if sub_flow not in found:
                found.add(sub_flow)
                waiting += [edge.target for edge in self.graph.edges_out[sub_flow]]
        return frozenset(found)

    def _in_iteration(self, use: _Use) -> bool:
        mine = self._home(use)
        reach = self._above(mine) | {mine}
        return any(edge.spec.trigger == "iterate" for target in reach for edge in self.graph.edges_in[target])

    def _circle(self) -> None:
        """Modules that wait for each other's globals: one problem that prints the circle."""
        done: set[str] = set()
        for start in self.waits:
            trail: list[str] = []
            at: str | None = start
            while at is not None and at not in done and at not in trail:
                trail.append(at)
                at = next(iter(self.waits.get(at, ())), None)
            if at in trail and at is not None:
                circle = [*trail[trail.index(at) :], at]
                if len(circle) > 2:
                    ref, use = self.waits[at][circle[1]]
                    self._wrong(use, ref, "PYE255", f"globals in a circle: {' -> '.join(circle)}", "Let one of them do without the other's value.")
            done.update(trail)

    # --- reporting --------------------------------------------------------------------------------

    def _place(self, path: Path, module: str = "") -> Place:
        return self.flow.marks.place(path, module)

    def _wrong(self, use: _Use, ref: Reference, code: str, message: str, mend: str) -> None:
        self._report(code, f"{message} ({position(use.text, ref.start)})", use.path, mend, use.module)

    def _report(self, code: str, message: str, path: Path, mend: str, module: str = "") -> None:
        self.problems.append(Problem(code, message, self._place(path, module), mend))
