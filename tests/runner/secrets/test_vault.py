"""Reading from a Vault: against a stand-in over real TLS (see ``stand_in.py``; no Vault server is at hand here)."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from pypeline.runner.vault import Vault, login_from
from pypeline.schema.problems import Problem, PypeError
from tests.runner.secrets.stand_in import ROOT_TOKEN, StandIn, Token, serving

VALUE = 'p@ss"w/ör+d\\1'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    with serving(tmp_path) as made:
        made.secrets["kv/mail/relay"] = {"password": VALUE, "port": 587}
        made.secrets["kv/gone"] = None
        yield made


def vault(server: StandIn, clock: object = None, **more: str) -> Vault:
    login = login_from(server.environment(VAULT_MAX_RETRIES="1", **more))
    return Vault(login) if clock is None else Vault(login, clock)  # type: ignore[arg-type]


def refused(server: StandIn, path: str = "kv/mail/relay", key: str = "password", **more: str) -> Problem:
    """The problem of reading; neither it nor its traceback may hold a value or a token."""
    with pytest.raises(PypeError) as caught:
        vault(server, **more).read(path, key)
    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert ROOT_TOKEN not in said
    assert "role-secret" not in said
    assert VALUE not in said
    return caught.value.problems[0]


def test_a_secret_is_read_over_verified_tls(server: StandIn) -> None:
    found = vault(server, VAULT_NAMESPACE="team/a")
    assert found.read("kv/mail/relay", "password") == VALUE
    assert found.read("kv/mail/relay", "port") == "587"
    assert server.asked == [
        ("GET", "auth/token/lookup-self", "team/a", True),
        ("GET", "kv/data/mail/relay", "team/a", True),
        ("GET", "kv/data/mail/relay", "team/a", True),
    ]


def test_each_way_to_fail_has_its_own_message(server: StandIn) -> None:
    found: list[Problem] = []
    server.sealed = True
    found.append(refused(server))
    server.sealed = False
    server.tokens["weak"] = Token(paths=frozenset())
    found.append(refused(server, VAULT_TOKEN="weak"))
    found.append(refused(server, VAULT_TOKEN="wrong"))
    found.append(refused(server, "kv/nothing"))
    found.append(refused(server, "kv/gone"))
    found.append(refused(server, key="passwort"))
    found.append(refused(server, VAULT_CACERT=""))
    server.delay = 0.6
    found.append(refused(server, VAULT_CLIENT_TIMEOUT="0.3"))
    server.delay = 0
    found.append(refused(server, VAULT_ROLE_ID="me", VAULT_SECRET_ID="role-secret"))
    server.initialised = False
    found.append(refused(server))
    server.initialised, server.nonsense = True, True
    found.append(refused(server))
    server.nonsense = False
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found.append(refused(server, VAULT_ADDR=f"https://localhost:{port}"))
    assert [(p.code, p.message.replace(server.address, "ADDR")) for p in found] == [
        ("PYE473", "Vault at ADDR is sealed or down for maintenance"),
        ("PYE474", "Vault does not let this login read `kv/mail/relay`"),
        ("PYE474", "Vault at ADDR does not accept the token"),
        ("PYE475", "Vault has no secret at `kv/nothing`, or its newest version is deleted"),
        ("PYE475", "Vault has no secret at `kv/gone`, or its newest version is deleted"),
        ("PYE476", "the secret at `kv/mail/relay` has no key `passwort`"),
        ("PYE472", "the certificate of Vault at ADDR is not accepted: unable to get local issuer certificate"),
        ("PYE471", "Vault at ADDR gave no answer within 0.3 s"),
        ("PYE474", "Vault at ADDR does not accept the role"),
        ("PYE473", "Vault at ADDR is not initialised"),
        ("PYE477", "the answer to the login is none of a Vault server"),
        ("PYE471", f"Vault at https://localhost:{port} cannot be reached: Connection refused"),
    ]
    assert all(problem.mend for problem in found)
    assert "did you mean `password`" in found[5].mend.casefold()


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path, name="vault.example.org") as other:
        assert refused(other).code == "PYE472"
        assert other.asked == []


def test_a_redirect_to_another_server_gets_no_token(server: StandIn, tmp_path: Path) -> None:
    (tmp_path / "thief").mkdir()
    with serving(tmp_path / "thief") as thief:
        server.redirect = thief.address
        problem = refused(server)
        assert problem.code == "PYE472"
        assert thief.address in problem.message
        assert thief.asked == []


def test_a_passing_failure_is_tried_again_and_a_lasting_one_told(server: StandIn) -> None:
    server.failures = 1
    assert vault(server).read("kv/mail/relay", "password") == VALUE
    server.failures = 100
    assert refused(server).code == "PYE477"


def test_an_approle_logs_in_once(server: StandIn) -> None:
    server.roles["me", "role-secret"] = Token(ttl=600)
    found = vault(server, VAULT_ROLE_ID="me", VAULT_SECRET_ID="role-secret", VAULT_TOKEN="")
    assert [found.read("kv/mail/relay", "password") for _ in range(3)] == [VALUE] * 3
    assert server.count("approle/login") == 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_token_is_renewed_before_it_ends(server: StandIn) -> None:
    server.tokens["mine"] = Token(ttl=600)
    clock = Clock()
    found = vault(server, clock, VAULT_TOKEN="mine")
    due = found.renew()
    assert due == pytest.approx(400, abs=2)
    clock.now += due or 0
    assert server.count("renew-self") == 0
    clock.now += 5
    assert found.read("kv/mail/relay", "password") == VALUE
    assert server.count("renew-self") == 1
    assert found.renew() == pytest.approx(400, abs=2)


def test_an_approle_logs_in_anew_when_its_token_may_not_live_longer(server: StandIn) -> None:
    server.roles["me", "role-secret"] = Token(ttl=60, renewable=False)
    clock = Clock()
    found = vault(server, clock, VAULT_ROLE_ID="me", VAULT_SECRET_ID="role-secret")
    found.read("kv/mail/relay", "password")
    clock.now += 50
    found.read("kv/mail/relay", "password")
    assert server.count("approle/login") == 2
    assert server.count("renew-self") == 0
    server.roles["me", "role-secret"] = Token(ttl=600)
    clock.now += 50
    found.read("kv/mail/relay", "password")
    # it can be renewed, but not beyond its longest life
    for token in server.tokens.values():
        token.longest = 0
    clock.now += 590
    found.read("kv/mail/relay", "password")
    assert (server.count("renew-self"), server.count("approle/login")) == (1, 4)


def test_a_token_taken_back_in_the_middle_is_replaced_or_told(server: StandIn) -> None:
    server.roles["me", "role-secret"] = Token(ttl=600)
    found = vault(server, VAULT_ROLE_ID="me", VAULT_SECRET_ID="role-secret")
    found.read("kv/mail/relay", "password")
    server.tokens.clear()
    assert found.read("kv/mail/relay", "password") == VALUE
    server.tokens["mine"] = Token()
    with_token = vault(server, VAULT_TOKEN="mine")
    with_token.read("kv/mail/relay", "password")
    server.tokens.clear()
    with pytest.raises(PypeError) as caught:
        with_token.read("kv/mail/relay", "password")
    assert caught.value.problems[0].code == "PYE474"


def test_a_token_that_never_ends_needs_no_renewal(server: StandIn) -> None:
    assert vault(server).renew() is None


def test_a_path_cannot_climb_out_of_its_mount(server: StandIn) -> None:
    for path in ("kv", "kv/../sys/mounts", "kv//x", "kv/./x"):
        assert refused(server, path).code == "PYE475"
    assert server.count("sys") == 0


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "VAULT_ADDR is not set"),
        ({"VAULT_ADDR": "http://vault.example.org"}, "does not begin with `https://`"),
        ({"VAULT_ADDR": "https://me:pw@vault.example.org"}, "holds a user or a password"),
        ({"VAULT_ADDR": "https://v", "VAULT_SKIP_VERIFY": "true"}, "VAULT_SKIP_VERIFY is set"),
        ({"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t", "VAULT_CACERT": "/no/such.pem"}, "`/no/such.pem` cannot be read"),
        ({"VAULT_ADDR": "https://v", "VAULT_TOKEN": "t", "VAULT_CLIENT_TIMEOUT": "soon"}, "is no number"),
        ({"VAULT_ADDR": "https://v"}, "nothing says how to log in"),
    ],
)
def test_what_the_environment_lacks_is_said(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(PypeError) as caught:
        login_from(environ, tmp_path)
    problem = caught.value.problems[0]
    assert problem.code == "PYE470"
    assert said in problem.message


def test_a_token_file_counts_only_if_nobody_else_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / ".vault-token"
    file.write_text("hvs.from-file\n")
    os.chmod(file, 0o600)
    assert login_from({"VAULT_ADDR": "https://v"}, tmp_path).token == "hvs.from-file"
    os.chmod(file, 0o640)
    with pytest.raises(PypeError) as caught:
        login_from({"VAULT_ADDR": "https://v"}, tmp_path)
    assert "read by others" in caught.value.problems[0].message
    assert "hvs.from-file" not in str(caught.value)
