"""``send_mail``: one mail by SMTP, with text, HTML and attachments."""

from __future__ import annotations

import asyncio
import ipaddress
import mimetypes
import os
import re
import smtplib
import socket
import ssl
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, getaddresses, localtime, make_msgid
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from pypeline.palette.matching import is_pattern, matching
from pypeline.sdk import BaseModule, Effects, ModuleConfig, Place, Problem, PypeError, RunContext, SecretRef, multiline, path, unit

Addresses = Annotated[list[str], Field(examples=[["Ada <ada@example.org>"]])]
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,70}")
_OURS = frozenset(
    {"from", "to", "cc", "bcc", "subject", "date", "message-id", "reply-to", "mime-version", "content-type", "content-transfer-encoding", "sender"}
)
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


class Config(ModuleConfig):
    """Whom to write what, and by which server."""

    host: str = Field(min_length=1, title="Server", description="The mail server's name.", examples=["mail.example.org"])
    sender: str = Field(min_length=3, title="From", description="Who writes.", examples=["PYpeline <flows@example.org>"])
    to: Addresses = Field(min_length=1, title="To", description="Who gets it.")
    port: int | None = Field(default=None, ge=1, le=65_535, title="Port", description="Null: 587 with starttls, 465 with tls, 25 without.")
    encryption: Literal["starttls", "tls", "none"] = Field(
        default="starttls", title="Encryption", description="`starttls` begins in plain text and must be granted · `tls` from the first byte · `none`."
    )
    ca_file: Annotated[str | None, path("open")] = Field(
        default=None, title="Certificates", description="A file with the authorities to trust instead of the system's. The server's name is always checked."
    )
    user: str | None = Field(default=None, title="User", description="Whom to log in as; null logs nobody in.")
    password: SecretRef | None = Field(default=None, title="Password", description="A reference to the secret, never the secret itself.")
    cc: Addresses = Field(default=[], title="Cc", description="Who gets a copy that all see.")
    bcc: Addresses = Field(default=[], title="Bcc", description="Who gets a copy that nobody else sees.")
    reply_to: Addresses = Field(default=[], title="Reply to", description="Where answers go instead.")
    subject: str = Field(default="", max_length=900, title="Subject", description="One line.", examples=["{{run.id}} is done"])
    text: Annotated[str | None, multiline()] = Field(default=None, title="Text", description="The mail as plain text.")
    html: Annotated[str | None, multiline()] = Field(default=None, title="HTML", description="The mail as HTML; a text beside it is for readers without.")
    attachments: list[Annotated[str, path("open")]] = Field(
        default=[], title="Attachments", description="Files; patterns with * ? [ ] may stand in it, and must fit something.", examples=[["out/report.csv"]]
    )
    largest: Annotated[int, unit("bytes")] = Field(default=25_000_000, ge=0, title="Largest", description="All attachments together.")
    importance: Literal["low", "normal", "high"] = Field(default="normal", title="Importance", description="How mail programs mark it.")
    headers: dict[str, str] = Field(default={}, title="More headers", description="Name and value.", examples=[{"X-Flow": "orders"}])
    on_refused: Literal["fail", "warn"] = Field(
        default="fail", title="When some are refused", description="Some addresses are taken by the server and some not."
    )
    timeout: Annotated[float, unit("seconds")] = Field(default=60, gt=0, le=3600, title="Time limit", description="For every answer of the server.")

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not _HEADER.fullmatch(name) or name.lower() in _OURS:
                raise ValueError(f"`{name}` is no header that can be added")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if (self.user is None) != (self.password is None):
            raise ValueError("give both user and password, or neither")
        if self.user is not None and self.encryption == "none" and not _is_here(self.host):
            raise ValueError("a password would go over the network in plain text; use starttls or tls")
        return self


class SendMail(BaseModule):
    """Sends the mail, or fails and says what the server said."""

    TYPE = "solo"
    DESCRIPTION = "Sends a mail"
    CATEGORY = "Notify"
    TITLE: ClassVar[str] = "Send mail"
    ICON: ClassVar[str] = "mail"
    GLOBALS: ClassVar[list[str]] = ["message_id", "recipients", "refused"]
    EFFECTS: ClassVar[Effects] = Effects.WRITES
    Config: ClassVar[type[Any] | None] = Config

    async def run(self, inputs: dict[str, Any], ctx: RunContext) -> dict[str, Any]:
        """Nothing, when the server has taken the mail."""
        config = self.config
        mail = await ctx.executor.run_in_thread(self._mail)
        everybody = list(dict.fromkeys(str(a.addr_spec) for field in ("to", "cc", "bcc") for a in _parsed(getattr(config, field), field)))
        servers: list[smtplib.SMTP] = []
        try:
            refused = await ctx.executor.run_in_thread(self._send, mail, everybody, servers)
        except asyncio.CancelledError:
            for server in servers:  # a thread waits for its answer: let it wait no longer
                with suppress(OSError):
                    if server.sock is not None:
                        server.sock.shutdown(socket.SHUT_RDWR)
            raise
        if refused:
            message = f"the server refused {', '.join(f'{address} ({said})' for address, said in refused.items())}"
            if config.on_refused == "fail":
                raise _failed(f"{message}; the others got the mail", ("to",), "Correct the addresses, or say `on_refused: warn`.")
            ctx.logger.warning(message)
        for name, value in {"message_id": mail["Message-ID"], "recipients": len(everybody) - len(refused), "refused": sorted(refused)}.items():
            ctx.set_global(name, value)
        return {}

    def _mail(self) -> EmailMessage:
        config = self.config
        mail = EmailMessage()
        sender = _parsed([config.sender], "sender")
        try:
            mail["From"] = sender
            for header, field in (("To", "to"), ("Cc", "cc"), ("Reply-To", "reply_to")):
                if getattr(config, field):
                    mail[header] = _parsed(getattr(config, field), field)
            mail["Subject"] = _line(config.subject, "subject")
            mail["Date"] = format_datetime(localtime())
            mail["Message-ID"] = make_msgid(domain=sender[0].domain)
            if config.importance != "normal":
                mail["Importance"] = config.importance
                mail["X-Priority"] = "1" if config.importance == "high" else "5"
            for name, value in config.headers.items():
                mail[name] = _line(value, "headers")
            mail.set_content(config.text if config.text is not None or config.html is not None else "")
            if config.text is None and config.html is not None:
                mail.set_content(config.html, subtype="html")
            elif config.html is not None:
                mail.add_alternative(config.html, subtype="html")
        except (ValueError, MessageError) as error:
            raise _failed(f"the mail cannot be made: {error}", (), "Correct the texts of its headers.") from error
        self._attach(mail)
        return mail

    def _attach(self, mail: EmailMessage) -> None:
        config = self.config
        left = config.largest
        for named in config.attachments:
            files = [file for file in matching(named, self.folder) if os.path.isfile(file)]
            if not files:
                what = "no file fits" if is_pattern(named) else "there is no file"
                raise PypeError(Problem("PYE390", f"{what} `{named}`", Place(path=("attachments",)), "Correct the path.", phase="run"))
            for file in files:
                left -= os.path.getsize(file)
                if left < 0:
                    raise _failed(f"the attachments are larger than {config.largest:,} bytes", ("largest",), "Send a link to them instead.")
                with open(file, "rb") as opened:
                    content = opened.read()
                kind, packed = mimetypes.guess_type(file)
                main, _, sub = (kind if kind and not packed else "application/octet-stream").partition("/")
                name = _line(os.path.basename(file), "attachments")
                mail.add_attachment(content, maintype=main, subtype=sub, filename=name)

    def _send(self, mail: EmailMessage, everybody: list[str], servers: list[smtplib.SMTP]) -> dict[str, str]:
        """Hand the mail to the server; address → why it was refused, where the server refused some."""
        config = self.config
        port = config.port or _PORTS[config.encryption]
        try:
            trust = ssl.create_default_context(cafile=os.path.join(self.folder, config.ca_file) if config.ca_file else None)
            direct = config.encryption == "tls"
            with smtplib.SMTP_SSL(timeout=config.timeout, context=trust) if direct else smtplib.SMTP(timeout=config.timeout) as server:
                servers.append(server)
                # connected here and not by its constructor, so that a stop finds its socket; the name that
                # certificates are checked for is taken from the constructor only
                server._host = config.host  # type: ignore[attr-defined]
                server.connect(config.host, port)
                if config.encryption == "starttls":
                    server.starttls(context=trust)
                if config.user is not None:
                    server.login(config.user, config.password.reveal())
                refused = server.send_message(mail, from_addr=str(_parsed([config.sender], "sender")[0].addr_spec), to_addrs=everybody)
                return {address: _said(*answer) for address, answer in refused.items()}
        except smtplib.SMTPRecipientsRefused as error:
            told = "; ".join(f"{address}: {_said(*answer)}" for address, answer in error.recipients.items())
            raise _failed(f"the server refused all addresses: {told}", ("to",), "Correct the addresses.") from error
        except smtplib.SMTPAuthenticationError as error:
            raise _failed(f"`{config.host}` does not let `{config.user}` in: {_said(*error.args)}", ("user",), "Check user and secret.") from error
        except smtplib.SMTPNotSupportedError as error:
            raise _failed(f"`{config.host}` cannot do this: {error}", ("encryption",), "Choose another encryption, or another server.") from error
        except smtplib.SMTPResponseException as error:
            raise _failed(f"`{config.host}` refused the mail: {_said(error.smtp_code, error.smtp_error)}", (), "See what the server says.") from error
        except ssl.SSLError as error:
            mend = "Check `encryption`, `port` and `ca_file`."
            raise _failed(f"no safe connection to `{config.host}:{port}`: {error.reason or error}", ("encryption",), mend) from error
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise _failed(f"`{config.host}:{port}` cannot be used: {reason}", ("host",), "Check server, port and network.") from error


def _parsed(given: list[str], field: str) -> list[Address]:
    """Every text as one address with its display name.

    Raises:
        PypeError: one is no address: it could bring in another, or a line of its own.
    """
    found = []
    for text in given:
        pairs = getaddresses([_line(text, field)])
        name, spec = pairs[0] if len(pairs) == 1 else ("", "")
        try:
            address = Address(display_name=name, addr_spec=spec)
        except (ValueError, MessageError, IndexError):
            address = Address()
        if not address.username or not address.domain:
            raise _failed(f"`{text[:80]}` is no mail address", (field,), "Write `name@example.org` or `Name <name@example.org>`, each an item of its own.")
        found.append(address)
    return found


def _line(text: str, field: str) -> str:
    """``text``, which goes into a header and so must be one line."""
    if any(character in text for character in "\r\n\0\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
        raise _failed(f"`{field}` holds a line break, which would begin another header", (field,), "Take it out.")
    return text


def _failed(message: str, where: tuple[str, ...], mend: str) -> PypeError:
    return PypeError(Problem("PYE388", message, Place(path=where), mend, phase="run"))


def _said(code: Any, text: Any) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{code} {' '.join(words.split())}"[:300]


def _is_here(host: str) -> bool:
    """Whether ``host`` is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
