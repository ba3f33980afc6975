"""A secret as a module holds it: a handle that tells nothing until its connector asks for the value.

Whatever prints, dumps or copies a config finds ``***`` or an error. The value is fetched when
:meth:`SecretRef.reveal` is called, and the handle does not keep it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from pypeline.core.hints import HINT
from pypeline.schema.problems import Problem, PypeError

HIDDEN = "***"


def _nobody(reference: str) -> NoReturn:
    message = f"the secret `{{{{{reference}}}}}` is only known while its flow runs"
    raise PypeError(Problem("PYE478", message, mend="Checks and previews work without secrets; run the flow.", phase="run"))


class SecretRef:
    """A reference to a secret: ``vault:path#key``, ``env.NAME`` or ``context.name``.

    As the type of a config field it marks the field secret::

        password: SecretRef | None = None
    """

    __slots__ = ("_ask", "reference")

    def __init__(self, reference: str, ask: Callable[[str], str] = _nobody) -> None:
        """``ask(reference)`` gives the value; it may block for as long as a network takes."""
        self.reference = reference
        self._ask = ask

    def reveal(self) -> str:
        """The value, now. Hand it to the connector at once and keep it nowhere.

        Raises:
            PypeError: there is no such secret, or whoever keeps it does not give it (PYE470–PYE478).
        """
        return self._ask(self.reference)

    def __str__(self) -> str:
        return HIDDEN

    __repr__ = __str__

    def __format__(self, _spec: str) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretRef) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)

    def __copy__(self) -> SecretRef:
        return self

    def __deepcopy__(self, _memo: object) -> SecretRef:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be written down")

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> Any:
        from pydantic_core import core_schema

        # a text is refused without being shown: it may be the secret itself
        return core_schema.is_instance_schema(cls, serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"))

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: object, _handler: object) -> dict[str, Any]:
        return {"type": "string", HINT: {"editor": "secret"}}
