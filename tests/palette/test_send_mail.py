"""send_mail against a server that really listens: what arrives, encrypted how, for whom."""

from __future__ import annotations

import asyncio
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from pypeline.schema.problems import PypeError
from tests.palette.mail_server import CERTIFICATE, MailServer
from tests.palette.running import instance, known, ran

WHO = {"sender": "PYpeline <flows@example.org>", "to": ["Ada <ada@example.org>"], "ca_file": str(CERTIFICATE)}


def sent(server: MailServer, project: Path, **more: Any) -> dict[str, Any]:
    return ran("send_mail", project, **{**WHO, "host": "localhost", "port": server.port, "encryption": "none", **more})


def read(server: MailServer, at: int = -1) -> EmailMessage:
    found = message_from_bytes(server.mails[at][2], policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def refused(server: MailServer | None, project: Path, **more: Any) -> str:
    with pytest.raises(PypeError) as caught:
        sent(server, project, **more) if server is not None else ran("send_mail", project, **{**WHO, **more})
    assert caught.value.problems[0].code in {"PYE388", "PYE374", "PYE390"}
    return caught.value.problems[0].message


def test_text_html_and_attachments_arrive_for_everybody(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "größe.csv").write_text("a,b\n1,2\n")
    (tmp_path / "out" / "b.bin").write_bytes(bytes(range(256)))
    with MailServer() as server:
        told = sent(
            server, tmp_path, subject="Fertig: 100 % ✓", text=".\nalone\n", html="<b>done</b>", cc=["bob@example.org"], bcc=["eve@example.org"],
            attachments=["out/*"], headers={"X-Flow": "orders"}, importance="high", reply_to=["help@example.org"],
        )  # fmt: skip
        sender, recipients, raw, _ = server.mails[0]
    assert (sender, recipients) == ("flows@example.org", ["ada@example.org", "bob@example.org", "eve@example.org"])
    mail = read(server)
    assert b"eve@" not in raw
    assert (mail["Subject"], mail["X-Flow"], mail["X-Priority"], mail["Reply-To"]) == ("Fertig: 100 % ✓", "orders", "1", "help@example.org")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "alone" in plain.get_content()
    assert html.get_content().strip() == "<b>done</b>"
    assert {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()} == {
        "größe.csv": b"a,b\n1,2\n", "b.bin": bytes(range(256)),
    }  # fmt: skip
    assert told == {"message_id": mail["Message-ID"], "recipients": 3, "refused": []}


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_a_login_travels_encrypted(tmp_path: Path, encryption: str) -> None:
    with MailServer(tls=encryption == "tls", starttls=encryption == "starttls", login=("me", "s3cret")) as server:
        sent(server, tmp_path, encryption=encryption, user="me", password=known("s3cret"), text="hi")
        assert server.logins == [("me", "s3cret")]
        assert server.mails[0][3]
        assert "535 who are you" in refused(server, tmp_path, encryption=encryption, user="me", password=known("wrong"))


def test_no_way_around_encryption(tmp_path: Path) -> None:
    with MailServer(login=("me", "x")) as server:
        assert "STARTTLS" in refused(server, tmp_path, encryption="starttls", user="me", password=known("x"))
        assert (server.mails, server.logins) == ([], [])
    with MailServer(starttls=True) as server:
        # a certificate that nobody vouches for, and one of another name
        assert "no safe connection" in refused(server, tmp_path, encryption="starttls", ca_file=None)
        assert "no safe connection" in refused(server, tmp_path, encryption="starttls", host="127.0.0.2")
        assert server.mails == []
    message = refused(None, tmp_path, host="mail.example.org", encryption="none", user="me", password=known("x"))
    assert "plain text" in message


@pytest.mark.parametrize(
    "options",
    [
        {"subject": "hi\nBcc: eve@example.org"},
        {"subject": "hi\r\n\r\nbody"},
        {"to": ["ada@example.org\nBcc: eve@example.org"]},
        {"to": ["ada@example.org, eve@example.org"]},
        {"cc": ["Ada\r <ada@example.org>"]},
        {"sender": "flows@example.org\u2028"},
        {"sender": "nobody"},
        {"to": ["<>"]},
        {"headers": {"X-A": "b\nBcc: eve@example.org"}},
        {"headers": {"Bcc": "eve@example.org"}},
        {"headers": {"X:": "b"}},
    ],
    ids=repr,
)
def test_no_value_brings_in_a_header_or_an_address(tmp_path: Path, options: dict[str, Any]) -> None:
    with MailServer() as server:
        refused(server, tmp_path, **options)
        assert server.mails == []


def test_refused_addresses_fail_or_warn(tmp_path: Path) -> None:
    with MailServer(refuse=frozenset({"bob@example.org"})) as server:
        assert "550 no such box" in refused(server, tmp_path, cc=["bob@example.org"])
        told = sent(server, tmp_path, cc=["bob@example.org"], on_refused="warn")
        assert (told["recipients"], told["refused"]) == (1, ["bob@example.org"])
        assert "all addresses" in refused(server, tmp_path, to=["bob@example.org"])


def test_what_cannot_be_sent_is_said(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(b"-" * 2000)
    with MailServer() as server:
        assert "no file fits `*.none`" in refused(server, tmp_path, attachments=["*.none"])
        assert "larger than 1,000 bytes" in refused(server, tmp_path, attachments=["large.bin"], largest=1000)
    assert "cannot be used" in refused(server, tmp_path)


def test_a_stop_waits_for_no_server(tmp_path: Path) -> None:
    async def stopped(server: MailServer) -> float:
        made, context, _ = instance("send_mail", tmp_path, **{**WHO, "host": "localhost", "port": server.port, "encryption": "none", "timeout": 60.0})
        work = asyncio.ensure_future(made.run({}, context))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return time.monotonic() - began

    with MailServer() as server:
        server.silent = True
        assert asyncio.run(asyncio.wait_for(stopped(server), 20)) < 2
