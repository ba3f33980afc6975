"""No secret is written anywhere: canaries in Vault and in the environment, modules that do all they can to tell
them, every command, and afterwards a search of every byte that was written, and of the processes while they ran.

The Vault is a stand-in over real TLS; the mail server, the processes and the files are real.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.palette.mail_server import CERTIFICATE, MailServer
from tests.runner.secrets.stand_in import ROOT_TOKEN, StandIn, serving

CANARY = 'p@ss"w/ör+d\\1'
IN_ENVIRONMENT = 'env-p@ss"w/ör+d\\2'
FOR_MAIL = 'mail-p@ss"w/+d\\3'
CANARIES = (CANARY, IN_ENVIRONMENT, FOR_MAIL, ROOT_TOKEN)

CONNECTOR = '''
"""A connector that does with its secret all that one should not."""
import asyncio, base64, hashlib, json, os, pathlib, sys, time, traceback
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus

from pypeline.sdk import BaseModule, ModuleConfig, SecretRef


class Config(ModuleConfig):
    password: SecretRef
    more: dict[str, SecretRef] = {}
    fail: bool = False


class Talkative(BaseModule):
    TYPE = "solo"
    GLOBALS: ClassVar[list[str]] = ["leak"]
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs, ctx):
        handles = [self.config.password, *self.config.more.values()]
        values = [handle.reveal() for handle in handles]
        pathlib.Path(self.folder, "digests.txt").write_text("\\n".join(hashlib.sha256(v.encode()).hexdigest() for v in values))
        ctx.logger.info("config %r %s", self.config, self.configs)
        for value in values:
            latin = base64.b64encode(f"someone:{value}".encode("latin-1")).decode()
            for form in (
                value, json.dumps({"password": value}), repr([value]), quote(value, safe=""), quote_plus(value),
                base64.b64encode(value.encode()).decode(), "Authorization: Basic " + latin, value[:6] + "\\n   " + value[6:],
                value[::-1], value.encode().hex(), f"postgresql://me:{quote(value, safe='')}@host/db",
            ):
                ctx.logger.debug("debug %s", form)
                ctx.logger.info("it is " + form)
                ctx.logger.error(form)
                print(form.replace("\\n", "\\\\n"), flush=True)
                print("stderr", form.replace("\\n", "\\\\n"), file=sys.stderr, flush=True)
        ctx.set_global("leak", values[0])
        await asyncio.sleep(0.7)
        if self.config.fail:
            try:
                raise ConnectionError(f"cannot connect to db://me:{quote(values[0], safe='')}@host: " + json.dumps(values[0]))
            except ConnectionError as error:
                raise RuntimeError(f"login with {values[0]} failed") from error
        return {}
'''

FLOW = """
flow: {{name: canary, env: [CANARY_PW]}}
settings: {{logging: {{level: DEBUG, format: json, destinations: [own.log, stderr]}}}}
modules:
  - id: talk
    name: talkative
    retries: 1
    configs:
      required: {{password: "{{{{vault:kv/team/db#password}}}}"}}
      optional: {{more: {{a: "{{{{env.CANARY_PW}}}}"}}, fail: {fail}}}
  - {{id: rows, name: inline_source, configs: {{required: {{columns: {{a: int64}}, rows: [[1], [2]]}}}}}}
  - {{id: out, name: csv_sink, configs: {{required: {{output_path: out.csv}}}}}}
  - id: code
    name: python_solo
    configs:
      optional:
        code: |
          import os
          def main(ctx):
              print("environment", dict(os.environ))
              print("arguments", open("/proc/self/cmdline").read())
              return {{"names": sorted(os.environ)}}
  - {{id: shell, name: shell_solo, configs: {{required: {{command: "env; echo {{{{talk__leak}}}} >&2"}}}}}}
  - id: mail
    name: send_mail
    configs:
      required: {{host: localhost, sender: a@example.org, to: [b@example.org]}}
      optional: {{port: {port}, encryption: starttls, ca_file: "{certificate}", user: me, password: "{{{{ vault:kv/team/mail#pw }}}}", text: hello}}
connections:
  data: ["rows.data - out.input"]
  control: ["talk (1|always) rows", "out (1|) code", "code (1|) mail", "talk (2|) shell"]
"""

# runs the flow within, once as it is and once over two items, and tells what it failed with
PARENT = """
flow: {{name: parent}}
settings: {{logging: {{level: DEBUG}}}}
modules:
  - {{id: items, name: inline_source, configs: {{required: {{columns: {{n: int64}}, rows: [[1], [2]]}}}}}}
  - {{id: child, name: run_flow, configs: {{required: {{flow: {flow}}}}}}}
  - {{id: each, name: run_flow, configs: {{required: {{flow: {flow}}}}}}}
  - {{id: caught, name: shell_solo, configs: {{required: {{command: "echo {{{{child__error_message}}}}"}}}}}}
connections:
  control: ["items (1|iterate) each", "child (1|error) caught"]
"""


def forms(value: str) -> dict[str, str]:
    """The seven forms of a canary, and what else it may look like."""
    basic = base64.b64encode(f"someone:{value}".encode("latin-1")).decode()
    return {
        "raw": value,
        "json": json.dumps(value)[1:-1],
        "json, as it is": json.dumps(value, ensure_ascii=False)[1:-1],
        "json in json": json.dumps(json.dumps(value)[1:-1])[1:-1],
        "repr": repr(value)[1:-1],
        "url": quote(value, safe=""),
        "form": quote_plus(value),
        "base64": base64.b64encode(value.encode()).decode().rstrip("=")[:-1],
        "basic auth": basic[11:].rstrip("=")[1:-1],
        "hex": value.encode().hex(),
        "backwards": value[::-1],
    }


@dataclass
class Found:
    """What was searched, and where a canary stood."""

    searched: int = 0
    hits: set[tuple[str, str]] = field(default_factory=set)

    def search(self, where: str, data: bytes, spare: tuple[str, ...] = ()) -> None:
        self.searched += 1
        text = data.decode("utf-8", "replace")
        # the split form: what is broken over lines comes together again without them
        joined = re.sub(r"\\+n|\s+", "", text)
        for value in CANARIES:
            if value in spare:
                continue
            for name, form in forms(value).items():
                if form in text or form in joined:
                    self.hits.add((where, name))


class Processes(threading.Thread):
    """Reads command line and environment of every process below ours, again and again."""

    def __init__(self, found: Found) -> None:
        super().__init__(daemon=True)
        self.found = found
        self.over = threading.Event()
        self.workers = 0
        self.cores: dict[str, bytes] = {}
        """The limit of core files of each process of a run, as it was last seen."""

    def run(self) -> None:
        seen: set[tuple[str, str]] = set()
        while not self.over.wait(0.02):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    line = (folder / "cmdline").read_bytes()
                    if b"pypeline" not in line and folder.name not in {pid for pid, _ in seen}:
                        continue
                    environ = (folder / "environ").read_bytes()
                except OSError:
                    continue
                worker = b"pypeline.runner.worker" in line
                if b"CANARY_TEST=1" in environ and (worker or b"\0run\0" in line):
                    with contextlib.suppress(OSError):
                        self.cores[folder.name] = re.findall(rb"Max core file size +(\S+)", (folder / "limits").read_bytes())[0]
                if (folder.name, "worker" if worker else "main") in seen:
                    continue
                if b"CANARY_TEST=1" not in environ:
                    continue
                seen.add((folder.name, "worker" if worker else "main"))
                self.found.search(f"cmdline {folder.name}", line)
                if worker:
                    self.workers += 1
                    self.found.search("environ of a worker", environ)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StandIn]:
    (tmp_path / "vault").mkdir()
    with serving(tmp_path / "vault") as made:
        made.secrets["kv/team/db"] = {"password": CANARY}
        made.secrets["kv/team/mail"] = {"pw": FOR_MAIL}
        yield made


@pytest.mark.timeout(240)
def test_no_canary_is_written_anywhere(tmp_path: Path, server: StandIn) -> None:
    room = tmp_path / "room"
    for name in ("project", "home", "temp", "runs"):
        (room / name).mkdir(parents=True)
    project = room / "project"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(room / "home"),
        "TMPDIR": str(room / "temp"),
        "PYPELINE_HOME": str(room / "runs"),
        "LANG": "C.UTF-8",
        "CANARY_TEST": "1",
        "CANARY_PW": IN_ENVIRONMENT,
        **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
        **server.environment(),
    }
    found = Found()
    watch = Processes(found)
    watch.start()
    codes: dict[str, int] = {}

    def pype(*words: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-P", "-m", "pypeline.app.cli.main", *words]
        done = subprocess.run(command, cwd=project, env={**environ, **more}, capture_output=True, timeout=120, check=False)
        found.search(f"stdout of {' '.join(words)}", done.stdout)
        found.search(f"stderr of {' '.join(words)}", done.stderr)
        codes[" ".join(words[:2])] = done.returncode
        return done

    (project / "talkative.py").write_text(CONNECTOR)
    with MailServer(starttls=True, login=("me", FOR_MAIL)) as mails:
        for name, fail in (("good", "false"), ("bad", "true")):
            (project / f"{name}.yaml").write_text(FLOW.format(fail=fail, port=mails.port, certificate=CERTIFICATE))
            (project / f"parent-{name}.yaml").write_text(PARENT.format(flow=f"{name}.yaml"))
        assert pype("register-module", "talkative.py").returncode == 0
        for name in ("good", "bad"):
            flow = f"{name}.yaml"
            pype("validate", flow, "--json")
            pype("plan", flow, "--json", "--resources")
            pype("schema", flow)
            pype("preview", flow, "rows.data", "--json")
            pype("picture", flow, "--output", f"{name}.svg")
            told = ("--events", f"{name}.jsonl", "--log-file", f"{name}.log", "--log-level", "DEBUG", "--picture", f"{name}-ran.svg", "--previews")
            done = pype("run", flow, *told, "--json")
            assert done.returncode == (0 if name == "good" else 1), done.stderr.decode()
            assert b"***" in (project / f"{name}.log").read_bytes()
        # the modules did get the values
        wanted = "\n".join(hashlib.sha256(value.encode()).hexdigest() for value in (CANARY, IN_ENVIRONMENT))
        assert (project / "digests.txt").read_text() == wanted
        assert mails.logins == [("me", FOR_MAIL)] * 2
        # flows within a flow: their own records, and what their parent tells of them
        for name, code in (("good", 0), ("bad", 1)):
            done = pype("run", f"parent-{name}.yaml", "--events", f"parent-{name}.jsonl", "--log-level", "DEBUG", "--log-file", f"parent-{name}.log", "--json")
            assert done.returncode == code, done.stderr.decode()
            assert b"***" in (project / f"parent-{name}.log").read_bytes()
            for word in ("runs", "show", "report"):
                # of the parent, then of the flow within
                assert pype(word).returncode == 0
            for word in ("show", "report"):
                pype(word, "canary")
        assert len(mails.logins) > 5
        assert set(mails.logins) == {("me", FOR_MAIL)}
        assert pype("build", "parent-good.yaml").returncode == 0
        assert pype("run", "jobs/parent").returncode == 0
        mails.logins.clear()
        pype("run", "good.yaml", "--quiet", "--events", "-", "--log-file", "text.log", "--log-format", "text")
        pype("runs", "--json")
        pype("show")
        pype("report")
        assert pype("build", "good.yaml").returncode == 0
        assert pype("run", "jobs/canary").returncode == 0
        # what goes wrong with the secrets themselves
        for more in ({"VAULT_TOKEN": "wrong"}, {"VAULT_CACERT": ""}, {"VAULT_ADDR": "https://localhost:1"}, {"VAULT_ADDR": ""}):
            assert pype("run", "good.yaml", **more).returncode == 2
        server.sealed = True
        assert pype("run", "good.yaml").returncode == 2
        server.sealed = False
        server.secrets["kv/team/mail"] = {"pw": CANARY}  # the mail server does not know that one
        assert pype("run", "good.yaml").returncode == 1
    watch.over.set()
    watch.join()
    assert list(watch.cores.values()).count(b"0") > watch.workers, "a process that had secrets could have left a core file"
    assert watch.workers >= 8
    files = [path for path in room.rglob("*") if path.is_file()]
    for path in files:
        found.search(str(path.relative_to(room)), path.read_bytes() + str(path.relative_to(room)).encode())
    assert len(files) > 40
    assert sorted(found.hits) == [], f"{len(found.hits)} hits in {found.searched} places"
    assert found.searched > 100


def test_the_search_finds_every_form(tmp_path: Path) -> None:
    """A search that finds nothing anywhere would prove nothing."""
    for value in CANARIES:
        for form in (*forms(value).values(), f"{value[:5]}\n  {value[5:]}", base64.b64encode(f"someone:{value}".encode("latin-1")).decode()):
            found = Found()
            found.search("here", f"before {form} after".encode())
            assert found.hits, form


def test_the_workers_get_neither_token_nor_secret_variables(tmp_path: Path) -> None:
    from pypeline.runner.withheld import kept_back

    assert kept_back({"vault:a/b#c", "env.PW", "context.x"}) == {"VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID", "PW"}
    assert kept_back({"context.x"}) == frozenset()


def test_a_module_gets_no_secret_that_its_order_does_not_name(tmp_path: Path, server: StandIn) -> None:
    """A module may ask for what it likes: the host answers only what the flow gave it."""
    thief = CONNECTOR[: CONNECTOR.index("class Config")] + (
        "class Thief(BaseModule):\n    TYPE = 'solo'\n"
        "    async def run(self, inputs, ctx):\n"
        "        from pypeline.runner.asking import HERE\n"
        "        HERE.reveal('vault:kv/team/mail#pw')\n"
        "        return {}\n"
    )
    (tmp_path / "thief.py").write_text(thief)
    (tmp_path / "talkative.py").write_text(CONNECTOR)
    (tmp_path / "flow.yaml").write_text(
        "flow: {name: thief}\nmodules:\n"
        "  - {id: talk, name: talkative, configs: {required: {password: '{{vault:kv/team/db#password}}'}}}\n"
        "  - {id: steal, name: thief}\n"
        "connections: {control: ['talk (1|) steal']}\n"
    )
    environ = {**os.environ, **server.environment()}
    for words in (["register-module", "thief.py"], ["register-module", "talkative.py"], ["run", "flow.yaml", "--json"]):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pypeline.app.cli.main", *words], cwd=tmp_path, env=environ, capture_output=True, timeout=60, check=False
        )
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["reason"].startswith("error:PYE478"), told["reason"]
    assert server.count("mail") == 0
