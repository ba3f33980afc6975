"""A small SMTP server for tests: real sockets, real TLS, logins, and refusals as told."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "tls"
CERTIFICATE = HERE / "localhost.pem"


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails until it is closed. ``mails`` are (sender, recipients, the message's bytes, was it encrypted)."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, tls: bool = False, starttls: bool = False, login: tuple[str, str] | None = None, refuse: frozenset[str] = frozenset()) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(CERTIFICATE, HERE / "localhost.key")
        self.tls, self.starttls, self.login, self.refuse = tls, starttls, login, refuse
        self.mails: list[tuple[str, list[str], bytes, bool]] = []
        self.logins: list[tuple[str, str]] = []
        self.silent = False
        super().__init__(("0.0.0.0", 0), _Session)

    def __enter__(self) -> MailServer:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes in the middle is part of the tests."""


class _Session(socketserver.BaseRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self.safe = False
        if self.server.tls:
            self._encrypt()
        self.file = self.request.makefile("rb")
        if self.server.silent:
            self.file.readline()
            return
        self._say("220 localhost ready")
        sender = ""
        recipients: list[str] = []
        while line := self.file.readline().decode().rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                more = [
                    *(["STARTTLS"] if self.server.starttls and not self.safe else []),
                    *(["AUTH PLAIN LOGIN"] if self.server.login else []),
                    "SMTPUTF8",
                    "8BITMIME",
                ]
                for said in ["localhost", *more[:-1]]:
                    self._say(f"250-{said}")
                self._say(f"250 {more[-1]}")
            elif verb == "STARTTLS" and self.server.starttls:
                self._say("220 go on")
                self._encrypt()
                self.file = self.request.makefile("rb")
            elif verb == "AUTH":
                self._log_in(rest)
            elif verb == "MAIL":
                sender, recipients = line.partition("<")[2].partition(">")[0], []
                self._say("530 log in first" if self.server.login and not self.server.logins else "250 ok")
            elif verb == "RCPT":
                address = line.partition("<")[2].partition(">")[0]
                if address in self.server.refuse:
                    self._say("550 no such box")
                else:
                    recipients.append(address)
                    self._say("250 ok")
            elif verb == "DATA":
                self._say("354 go on")
                content = b""
                while (part := self.file.readline()) not in (b".\r\n", b""):
                    content += part
                self.server.mails.append((sender, recipients, content, self.safe))
                self._say("250 taken")
            else:
                self._say("221 bye" if verb == "QUIT" else "250 ok" if verb in {"RSET", "NOOP", "HELO"} else "502 not here")
                if verb == "QUIT":
                    return

    def _log_in(self, rest: str) -> None:
        kind, _, given = rest.partition(" ")
        if kind == "PLAIN":
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            user = base64.b64decode(given).decode()
            self._say("334 " + base64.b64encode(b"Password:").decode())
            password = base64.b64decode(self.file.readline()).decode()
        if (user, password) == self.server.login:
            self.server.logins.append((user, password))
            self._say("235 welcome")
        else:
            self._say("535 who are you")

    def _encrypt(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.safe = True

    def _say(self, line: str) -> None:
        self.request.sendall(line.encode() + b"\r\n")
