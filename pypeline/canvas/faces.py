"""What cards and tags say, from the document and what it knows. Pure but for a cache of problems by module."""

from __future__ import annotations

from pypeline.canvas.document import Document
from pypeline.canvas.look import Look
from pypeline.canvas.paint import Face
from pypeline.core import figures
from pypeline.core.foot import config_foot, gate_foot, run_foot
from pypeline.core.watch import LinkWatch, ModuleWatch
from pypeline.schema.flow import Module
from pypeline.schema.problems import Problem


def tag_text(seen: LinkWatch, reject: bool) -> tuple[str, str]:
    """The two lines of a link's tag: the count, and its rate or that these are rejects."""
    text = figures.count(seen.rows) if seen.rows < 10_000_000 else figures.short_count(seen.rows)
    if reject:
        return text, "rejected"
    return text, figures.rate(seen.rows, seen.seconds)


GATE = "sync_gate"
_LOUD = frozenset({"failed", "running"})


class Faces:
    """The face of each module as the document stands; :meth:`forget` after the flow changed."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._modules: dict[str, Module] = {}
        self._problems: dict[str, list[Problem]] = {}
        self._of: tuple[Problem, ...] = ()

    def forget(self) -> None:
        """Read modules and problems anew."""
        self._modules = {m.id: m for m in self._document.flow.modules}
        self._read_problems()

    def _read_problems(self) -> None:
        self._of = self._document.knowledge.problems
        self._problems = {}
        for problem in self._of:
            if problem.place.module:
                self._problems.setdefault(problem.place.module, []).append(problem)

    def of(self, id: str) -> Face:
        """What the card of this module says now."""
        grave = self._grave(id)
        module = self._modules[id]
        watch = self._document.knowledge.watch
        seen = watch.modules.get(id) if watch else None
        problems = self._problems.get(id, ())
        awaited = watch is not None and watch.state == "running" and (watch.only is None or id in watch.only)
        state = seen.state if seen else "pending" if awaited else ""
        return Face(
            name=id,
            type=module.name,
            foot=self._foot(module, seen),
            state=state,
            reason=seen.reason if seen else "",
            fraction=seen.fraction if seen and seen.state == "running" else None,
            badge=len(problems),
            grave=grave,
            enabled=module.enabled,
            bypass=module.bypass,
        )

    def _foot(self, module: Module, seen: ModuleWatch | None) -> str:
        flow, watch = self._document.flow, self._document.knowledge.watch
        if module.name == GATE and (seen is None or seen.state != "failed"):
            into = [n for n, link in enumerate(flow.connections.control) if link.target == module.id]
            met = sum(1 for n in into if watch is not None and watch.valves.get(n, (False, ""))[0])
            return gate_foot(module.configs.flat().get("mode", "all"), met, len(into))
        most = 1 + (module.retries if module.retries is not None else flow.settings.retries or 0)
        return (run_foot(seen, most=most) if seen else "") or config_foot(module, self._document.catalogue)

    def far_colour(self, id: str, kind: str, look: Look) -> str:
        """A card's colour seen from far: failure and running shine through, else its kind."""
        watch = self._document.knowledge.watch
        seen = watch.modules.get(id) if watch else None
        if seen is not None and seen.state in _LOUD:
            return look.theme.failure if seen.state == "failed" else look.theme.accent
        return look.theme.failure if self._grave(id) else look.theme.kind(kind)

    def _grave(self, id: str) -> bool:
        """Whether one of the module's problems is an error."""
        if self._of is not self._document.knowledge.problems:
            self._read_problems()
        return any(p.severity == "error" for p in self._problems.get(id, ()))
