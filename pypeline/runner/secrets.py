"""The secrets of a run: where each value comes from, who may have it, and the net that hides it on its way out.

In: references (``vault:path#key``, ``env.NAME``, ``context.name``) of the plan's secret fields. Out:
values, to a worker that asks for one its order names, at the moment it asks. They live in the memory
of this process only; it writes no core file from the first secret on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from pypeline.core.masking import Net
from pypeline.core.plan import Plan
from pypeline.schema.problems import Place, Problem, PypeError

FRESH = 60.0
"""Seconds for which a value from Vault is used again before it is asked for anew."""


class Secrets:
    """The secrets of one run. ``answers`` are those that a person was asked for, by context name."""

    def __init__(self, answers: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._answers = dict(answers or {})
        self._environ = os.environ if environ is None else environ
        self._vault: Any = None
        self._read: dict[str, tuple[float, str]] = {}
        self.net = Net()

    async def reveal(self, reference: str) -> str:
        """The value that ``reference`` refers to.

        Raises:
            PypeError: there is none (PYE394, PYE398, PYE470–PYE477).
        """
        kind, value = reference.partition(":")[0].partition(".")[0], ""
        if kind == "vault":
            value = await asyncio.to_thread(self._from_vault, reference)
        elif kind == "env":
            value = self._environ.get(name := reference.partition(".")[2], "")
            if not value:
                raise PypeError(Problem("PYE394", f"the environment variable `{name}` is not set", mend="Set it, or take it out of `flow.env`.", phase="run"))
        else:
            value = self._answers.get(name := reference.partition(".")[2], "")
            if not value:
                message = f"the secret context value `{name}` was not given"
                raise PypeError(Problem("PYE398", message, mend="Run in a terminal, where it is asked for.", phase="run"))
        await asyncio.to_thread(self.net.add, value)
        return value

    async def check(self, plan: Plan) -> None:
        """Fetch every secret of ``plan`` once, so that what is missing is said before the first task.

        Raises:
            PypeError: a problem for each secret that is not there, or one for a Vault that does not answer.
        """
        if not plan.references():
            return
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
        found: dict[str, Problem] = {}
        for module in plan.modules.values():
            for path, reference in module.references().items() if module.secrets and module.enabled else ():
                try:
                    await self.reveal(reference)
                except PypeError as error:
                    for problem in error.problems:
                        found.setdefault(problem.message, replace(problem, place=Place(path=path, module=module.id)))
                    if problem.code in ("PYE470", "PYE471", "PYE472", "PYE473"):
                        raise PypeError(*found.values()) from None
        if found:
            raise PypeError(*found.values())

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """While this lasts the token for Vault is renewed whenever it is near its end."""
        if self._vault is None:
            yield
            return
        renewing = asyncio.create_task(self._renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _renew(self) -> None:
        while True:
            try:
                due = await asyncio.to_thread(self._vault.renew)
            except PypeError:
                # whoever needs a secret then is told why there is none
                due = FRESH
            if due is None:
                return
            await asyncio.sleep(due)

    def _from_vault(self, reference: str) -> str:
        then, value = self._read.get(reference, (0.0, ""))
        if value and time.monotonic() - then < FRESH:
            return value
        if self._vault is None:
            from pypeline.runner import vault

            login = vault.login_from(self._environ)
            for credential in (login.token, login.secret):
                self.net.add(credential)
            self._vault = vault.Vault(login)
        path, _, key = reference.removeprefix("vault:").partition("#")
        value = str(self._vault.read(path, key))
        self._read[reference] = (time.monotonic(), value)
        return value
