"""The environment variables that no worker gets: what secret fields name, and what opens Vault."""

from __future__ import annotations

from collections.abc import Iterable

from pypeline.core.plan import Plan
from pypeline.core.tasks import FLOW


def withheld(plan: Plan) -> frozenset[str]:
    """The environment variables that no worker of ``plan`` gets: what secret fields name in it, or in a flow that it runs."""
    references = plan.references()
    if any(module.type == FLOW for module in plan.modules.values()):
        from pypeline.runner import children

        references |= children.references(plan)
    return kept_back(references)


def kept_back(references: Iterable[str]) -> frozenset[str]:
    """The environment variables that workers of a plan with these references do not get."""
    found = {reference.removeprefix("env.") for reference in references if reference.startswith("env.")}
    if any(reference.startswith("vault:") for reference in references):
        from pypeline.runner.vault import CREDENTIALS

        found.update(CREDENTIALS)
    return frozenset(found)
