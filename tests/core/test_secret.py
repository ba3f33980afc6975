"""A secret's handle tells nothing to whoever prints, dumps or copies it; a field of its type is a secret field."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, ClassVar

import pytest
import yaml
from pydantic import Field, ValidationError

from pypeline.core.declare import declare, from_registry, to_registry
from pypeline.core.hints import HINT
from pypeline.core.modules import BaseModule
from pypeline.schema.problems import PypeError
from pypeline.sdk import ModuleConfig, SecretRef

VALUE = 'p@ss"w/ör+d\\1'
REF = SecretRef("vault:kv/mail#password", lambda _reference: VALUE)


class Config(ModuleConfig):
    password: SecretRef | None = None
    more: dict[str, SecretRef] = Field(default={})


class Mail(BaseModule):
    TYPE = "solo"
    Config: ClassVar[type[Any] | None] = Config


class Plain(BaseModule):
    TYPE = "solo"
    CONFIG_SCHEMA: ClassVar[dict[str, Any]] = {"required": {"password": {"type": "secret"}}, "optional": {"token": {"type": "secret", "default": None}}}


def test_the_value_comes_out_by_reveal_alone() -> None:
    assert REF.reveal() == VALUE
    config = Config(password=REF, more={"a": REF})
    shown = [str(REF), repr(REF), f"{REF:>20}", f"{REF}", repr([REF]), repr(config), json.dumps(REF, default=str), config.model_dump_json(), repr(vars(config))]
    assert all("***" in text for text in shown)
    assert not any(VALUE in text or "mail" in text for text in shown)


def test_it_cannot_be_written_down() -> None:
    for write in (json.dumps, yaml.dump, yaml.safe_dump, pickle.dumps):
        with pytest.raises((TypeError, yaml.YAMLError)):
            write(REF)


def test_a_copy_is_the_handle_itself() -> None:
    assert copy.copy(REF) is REF
    assert copy.deepcopy({"a": REF})["a"] is REF
    assert Config(password=REF).model_dump()["password"] is REF


def test_outside_a_run_it_reveals_nothing() -> None:
    with pytest.raises(PypeError) as caught:
        SecretRef("env.MAIL").reveal()
    assert caught.value.problems[0].code == "PYE478"


def test_a_text_is_refused_without_being_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"password": VALUE})
    assert VALUE not in str(caught.value)
    assert "p@ss" not in repr(caught.value)


@pytest.mark.parametrize("cls", [Mail, Plain])
def test_a_secret_field_is_marked_in_the_declaration_and_in_the_registry(cls: type[BaseModule]) -> None:
    declared = declare(cls, "mail", "mail")
    assert json.dumps(declared.json_schema).count(HINT) == 2
    entry = to_registry(declared)
    again = from_registry("mail", {**entry, "declaration": None})
    assert json.dumps(again.fields["password"]).count('"editor": "secret"') == 1
    assert from_registry("mail", entry).fields == declared.fields
