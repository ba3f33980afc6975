"""A stand-in for a Vault server: it speaks the few requests that PYpeline makes, over real TLS on this machine.

It is NOT a Vault: no storage, no policies language, no audit, no leases beyond a token's own. A test
says what it holds and how it feels; it answers as the documented HTTP API does: KV version 2 reads,
``auth/token/lookup-self`` and ``renew-self``, AppRole login, permission denied, sealed, redirects.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

ROOT_TOKEN = "hvs.root-token-of-the-stand-in"


@dataclass
class Token:
    """``ttl`` in seconds, 0 for ever; ``paths`` it may read (None: all)."""

    ttl: float = 0
    renewable: bool = True
    paths: frozenset[str] | None = None
    longest: float = float("inf")
    born: float = field(default_factory=time.monotonic)
    renewed: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        if not self.ttl:
            return float("inf")
        return min(self.renewed + self.ttl, self.born + self.longest) - time.monotonic()


@dataclass
class StandIn:
    """What the server holds and how it feels. ``asked`` lists (method, path, namespace, token was sent)."""

    secrets: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=lambda: {ROOT_TOKEN: Token()})
    roles: dict[tuple[str, str], Token] = field(default_factory=dict)
    sealed: bool = False
    initialised: bool = True
    delay: float = 0
    failures: int = 0
    """So many next requests are answered with 500."""
    redirect: str = ""
    nonsense: bool = False
    asked: list[tuple[str, str, str, bool]] = field(default_factory=list)
    address: str = ""
    authority: str = ""

    def count(self, part: str) -> int:
        return sum(1 for _, path, _, _ in self.asked if part in path)

    def environment(self, **more: str) -> dict[str, str]:
        """The variables with which a client reaches this server as root."""
        return {"VAULT_ADDR": self.address, "VAULT_CACERT": self.authority, "VAULT_TOKEN": ROOT_TOKEN, "VAULT_CLIENT_TIMEOUT": "5", **more}

    def answer(self, method: str, path: str, token: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.failures:
            self.failures -= 1
            return 500, {"errors": ["internal error"]}
        if not self.initialised:
            return 501, {"errors": ["Vault is not initialized"]}
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if (method, path) == ("POST", "auth/approle/login"):
            return self._login(body)
        held = self.tokens.get(token)
        if held is None or held.left <= 0:
            return 403, {"errors": ["permission denied"]}
        if (method, path) == ("GET", "auth/token/lookup-self"):
            return 200, {"data": {"ttl": int(held.left) if held.ttl else 0, "renewable": held.renewable, "policies": ["default"]}}
        if (method, path) == ("POST", "auth/token/renew-self"):
            if not held.renewable:
                return 400, {"errors": ["lease is not renewable"]}
            held.renewed = time.monotonic()
            return 200, {"auth": {"client_token": token, "lease_duration": int(held.left), "renewable": True}}
        mount, data, rest = [*path.split("/", 2), "", ""][:3]
        if method != "GET" or data != "data":
            return 404, {"errors": []}
        where = f"{mount}/{rest}"
        if held.paths is not None and where not in held.paths:
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        if where not in self.secrets:
            return 404, {"errors": []}
        if self.secrets[where] is None:
            deleted = {"created_time": "2026-01-01T00:00:00Z", "deletion_time": "2026-01-02T00:00:00Z", "destroyed": False, "version": 2}
            return 404, {"data": {"data": None, "metadata": deleted}}
        return 200, {"data": {"data": self.secrets[where], "metadata": {"version": 1}}}

    def _login(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        made = self.roles.get((body.get("role_id", ""), body.get("secret_id", "")))
        if made is None:
            return 400, {"errors": ["invalid role or secret ID"]}
        name = f"hvs.login-{len(self.tokens)}"
        self.tokens[name] = Token(made.ttl, made.renewable, made.paths, made.longest)
        return 200, {"auth": {"client_token": name, "lease_duration": int(made.ttl), "renewable": made.renewable}}


@contextmanager
def serving(folder: Path, name: str = "localhost") -> Iterator[StandIn]:
    """A running stand-in whose certificate is for ``name``; its own authority lies in ``folder``."""
    authority = trustme.CA()
    state = StandIn(authority=str(folder / "authority.pem"))
    authority.cert_pem.write_to_path(state.authority)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"{}")
            token = self.headers.get("X-Vault-Token", "")
            path = self.path.removeprefix("/v1/").partition("?")[0]
            state.asked.append((self.command, path, self.headers.get("X-Vault-Namespace", ""), bool(token)))
            time.sleep(state.delay)
            if state.redirect:
                self.send_response(307)
                self.send_header("Location", f"{state.redirect}{self.path}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            code, data = (200, {}) if state.nonsense else state.answer(self.command, path, token, body)
            said = b"<html>hello</html>" if state.nonsense else json.dumps(data).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/html" if state.nonsense else "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = _any

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that does not like our certificate: what is tested shows there."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    state.address = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
