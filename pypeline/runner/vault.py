"""Reading secrets from a HashiCorp Vault: KV version 2, by token or AppRole, over verified TLS.

In: the environment variables that Vault's own tools read. Out: values, in memory only. A token is
renewed before it ends; an AppRole logs in anew when its token cannot be. Every way to fail has its
own message, which names the path and never a value or a token.
"""

from __future__ import annotations

import json
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from pypeline.schema.problems import Problem, PypeError, did_you_mean
from pypeline.schema.record import record

CREDENTIALS = ("VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID")
"""Variables that stay with the process that talks to Vault."""
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(s|m)?")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_RETRIED = (412, 429, 500, 502, 504)
_SOON, _LATE = 300.0, 5.0
_REDIRECTED = "PYpeline: redirected to "


@record
class Login:
    """Where Vault is and how to get in. ``verify`` is a file or folder of authorities, or True for the system's."""

    address: str
    token: str = field(default="", repr=False)
    role: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    role_mount: str = "approle"
    namespace: str | None = None
    verify: str | bool = True
    certificate: tuple[str, str] | None = None
    timeout: float = 10.0
    retries: int = 2


def login_from(environ: Mapping[str, str], home: Path | None = None) -> Login:
    """The login that ``environ`` describes; without a token or role the file ``~/.vault-token`` has it.

    Raises:
        PypeError: PYE470, something is missing or cannot be used.
    """
    address = environ.get("VAULT_ADDR", "").rstrip("/")
    if not address:
        raise _unset("VAULT_ADDR is not set, so nobody knows where Vault is", "Set it, for example to https://vault.example.org:8200.")
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise _unset("VAULT_ADDR does not begin with `https://`", "Secrets travel over TLS only; plain http is for a server on this machine.")
    if parts.username or parts.password:
        raise _unset("VAULT_ADDR holds a user or a password", "Take it out: VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, log in.")
    if environ.get("VAULT_SKIP_VERIFY", "").lower() in ("1", "t", "true"):
        raise _unset("VAULT_SKIP_VERIFY is set", "Certificates are always checked. Unset it, and name your own authority in VAULT_CACERT.")
    role, secret, token = (environ.get(name, "") for name in ("VAULT_ROLE_ID", "VAULT_SECRET_ID", "VAULT_TOKEN"))
    if not role and not token:
        token = _token_file(Path(environ.get("HOME", "")) if home is None else home)
    certificate = (environ.get("VAULT_CLIENT_CERT", ""), environ.get("VAULT_CLIENT_KEY", ""))
    verify = environ.get("VAULT_CACERT") or environ.get("VAULT_CAPATH") or True
    for file in (*(certificate if all(certificate) else ()), *((verify,) if isinstance(verify, str) else ())):
        if not os.access(file, os.R_OK):
            raise _unset(f"`{file}` cannot be read", "Check VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY.")
    return Login(
        address, token, role, secret,
        role_mount=environ.get("VAULT_APPROLE_MOUNT") or "approle",
        namespace=environ.get("VAULT_NAMESPACE") or None,
        verify=verify,
        certificate=certificate if all(certificate) else None,
        timeout=_number(environ, "VAULT_CLIENT_TIMEOUT", 10.0),
        retries=int(_number(environ, "VAULT_MAX_RETRIES", 2)),
    )  # fmt: skip


def _token_file(home: Path) -> str:
    file = home / ".vault-token"
    try:
        told = file.lstat()
        if not stat.S_ISREG(told.st_mode) or told.st_uid != os.geteuid() or told.st_mode & 0o077:
            raise _unset(f"`{file}` can be read by others, or is not yours", f"Give it to yourself alone: chmod 600 {file}")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise _unset("nothing says how to log in to Vault", "Set VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or run `vault login`.") from None


def _number(environ: Mapping[str, str], name: str, otherwise: float) -> float:
    said = environ.get(name, "")
    if not said:
        return otherwise
    found = _SECONDS.fullmatch(said.strip())
    if found is None:
        raise _unset(f"{name} is `{said}`, which is no number", "Write a number of seconds, such as 10 or 10s.")
    return float(found[1]) * (60 if found[2] == "m" else 1)


class Vault:
    """One connection, for any threads in turn. ``clock`` gives seconds that only grow."""

    def __init__(self, login: Login, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is sent yet.

        Raises:
            PypeError: PYE470, the package ``hvac`` is not installed.
        """
        try:
            import hvac
        except ImportError:
            raise _unset("the package `hvac` is not installed", "Install it: python -m pip install 'pypeline-studio[vault]'.") from None
        self._login = login
        self._clock = clock
        self._lock = threading.Lock()
        # token "": hvac must not look for one by itself
        self._client = hvac.Client(
            url=login.address, token="", verify=login.verify, cert=login.certificate,
            timeout=login.timeout, namespace=login.namespace, session=_session(login),
        )  # fmt: skip
        self._ends: float | None = None
        self._lease = 0.0
        self._renewable = False

    def read(self, path: str, key: str) -> str:
        """The value of ``key`` in the newest version of the secret at ``path`` (its mount first).

        Raises:
            PypeError: PYE471–PYE477.
        """
        mount, _, rest = path.partition("/")
        if not rest or any(part in ("", ".", "..") for part in path.split("/")):
            raise _problem("PYE475", f"`{path}` names no secret", "Write the mount, then the path in it: `{{vault:mount/path#key}}`.")
        with self._lock:
            self._fresh()
            try:
                answer = self._asked(path, lambda: self._read(mount, rest))
            except PypeError as error:
                # a token that was taken back in the middle of a run is replaced once
                if error.problems[0].code != "PYE474" or not self._login.role or self._valid():
                    raise
                self._log_in()
                answer = self._asked(path, lambda: self._read(mount, rest))
        try:
            values: Mapping[str, Any] = answer["data"]["data"]
            known = list(values)
        except (KeyError, TypeError):
            raise _problem("PYE477", f"Vault's answer for `{path}` holds no secret", "Check that VAULT_ADDR leads to a Vault server.") from None
        if key not in values:
            raise _problem("PYE476", f"the secret at `{path}` has no key `{key}`", did_you_mean(key, known) or "It has no keys at all.")
        value = values[key]
        return value if isinstance(value, str) else json.dumps(value)

    def renew(self) -> float | None:
        """Keep the token alive; seconds until that is due again, None for a token that never ends.

        Raises:
            PypeError: it could not be renewed.
        """
        with self._lock:
            self._fresh()
            return None if self._ends is None else max(self._ends - self._clock() - self._margin(), _LATE / 5)

    def _read(self, mount: str, path: str) -> Any:
        return self._client.secrets.kv.v2.read_secret_version(path=path, mount_point=mount, raise_on_deleted_version=True)

    def _fresh(self) -> None:
        """Log in if nobody is, renew what is near its end."""
        if not self._client.token:
            self._log_in()
        elif self._ends is not None and self._ends - self._clock() <= self._margin():
            if self._renewable:
                try:
                    self._holds(self._asked("", self._client.auth.token.renew_self)["auth"])
                except PypeError:
                    if not self._login.role:
                        raise
                    self._ends = self._clock()
            if self._login.role and self._ends is not None and self._ends - self._clock() <= self._margin():
                self._log_in()

    def _margin(self) -> float:
        """Seconds before its end from which on a token is renewed."""
        return min(max(self._lease / 3, _LATE), _SOON, self._lease * 0.9)

    def _log_in(self) -> None:
        login = self._login
        if login.role:
            self._client.token = ""
            approle = self._client.auth.approle
            answer = self._asked(
                "", lambda: approle.login(role_id=login.role, secret_id=login.secret or None, use_token=False, mount_point=login.role_mount), "role"
            )
            self._client.token = _part(answer, "auth", "client_token")
            self._holds(_part(answer, "auth"))
            return
        self._client.token = login.token
        try:
            told = _part(self._asked("", self._client.auth.token.lookup_self, "token"), "data")
        except PypeError:
            self._client.token = ""
            raise
        self._holds({"lease_duration": told.get("ttl", 0), "renewable": told.get("renewable", False)})

    def _holds(self, auth: Mapping[str, Any]) -> None:
        self._lease = float(auth.get("lease_duration") or 0)
        self._renewable = bool(auth.get("renewable"))
        self._ends = self._clock() + self._lease if self._lease else None

    def _valid(self) -> bool:
        """Whether Vault still knows our token."""
        try:
            self._asked("", self._client.auth.token.lookup_self)
        except PypeError:
            return False
        return True

    def _asked(self, path: str, ask: Callable[[], Any], what: str = "") -> Any:
        """What Vault answers, or the problem that its refusal is."""
        import requests
        from hvac import exceptions

        address = self._login.address
        try:
            return ask()
        except requests.exceptions.SSLError as error:
            why = re.search(r"certificate verify failed: (.+?)\.? \(_ssl", str(error))
            reason = why[1] if why else "the TLS handshake failed"
            mend = "Name the authority that signed it in VAULT_CACERT; certificates are always checked."
            _refuse("PYE472", f"the certificate of Vault at {address} is not accepted: {reason}", mend)
        except requests.exceptions.Timeout:
            _refuse("PYE471", f"Vault at {address} gave no answer within {self._login.timeout:g} s", "Check the network, or raise VAULT_CLIENT_TIMEOUT.")
        except requests.exceptions.RequestException as error:
            if (said := str(error)).startswith(_REDIRECTED):
                message = f"Vault at {address} sends requests on to {said.removeprefix(_REDIRECTED)}, which gets no token of yours"
                _refuse("PYE472", message, "Set VAULT_ADDR to the server that answers.")
            why = re.search(r"\[Errno -?\d+\] ([\w ]+)|(Name or service not known|Remote end closed)", said)
            reason = next((part for part in why.groups() if part), "") if why else type(error).__name__
            _refuse("PYE471", f"Vault at {address} cannot be reached: {reason}", "Check VAULT_ADDR and the network.")
        except exceptions.VaultDown:
            _refuse("PYE473", f"Vault at {address} is sealed or down for maintenance", "Have it unsealed, then run again.")
        except exceptions.VaultNotInitialized:
            _refuse("PYE473", f"Vault at {address} is not initialised", "Have it set up first.")
        except (exceptions.Forbidden, exceptions.Unauthorized, exceptions.InvalidRequest):
            if what == "role":
                _refuse(
                    "PYE474", f"Vault at {address} does not accept the role", "Check VAULT_ROLE_ID and VAULT_SECRET_ID; a secret id may be used up or too old."
                )
            if what == "token" or not path:
                _refuse("PYE474", f"Vault at {address} does not accept the token", "It may have ended: log in again and set VAULT_TOKEN.")
            _refuse("PYE474", f"Vault does not let this login read `{path}`", "Ask for a policy with `read` on it, or log in again if the token has ended.")
        except exceptions.InvalidPath:
            mend = "Correct the path; the mount must be a KV engine of version 2."
            _refuse("PYE475", f"Vault has no secret at `{path}`, or its newest version is deleted", mend)
        except exceptions.VaultError as error:
            _refuse("PYE477", f"Vault at {address} failed: {type(error).__name__}", "Look into its log, then run again.")


def _session(login: Login) -> Any:
    """A session that repeats what may be repeated, and follows no redirect to another server: it would take the token there."""
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    home = urlsplit(login.address)

    class Session(requests.Session):  # type: ignore[misc]
        def get_redirect_target(self, resp: Any) -> str | None:
            target: str | None = super().get_redirect_target(resp)
            if target is not None and (there := urlsplit(target)).netloc and (there.scheme, there.netloc) != (home.scheme, home.netloc):
                raise requests.exceptions.TooManyRedirects(f"{_REDIRECTED}{there.scheme}://{there.netloc}")
            return target

    made = Session()
    made.verify, made.cert = login.verify, login.certificate
    again = Retry(
        total=login.retries, read=False, other=False, backoff_factor=0.2, status_forcelist=_RETRIED, allowed_methods={"GET"}, raise_on_status=False,
    )  # fmt: skip
    made.mount("https://", HTTPAdapter(max_retries=again))
    made.mount("http://", HTTPAdapter(max_retries=again))
    return made


def _part(answer: Any, *keys: str) -> Any:
    """A part of an answer; what answers otherwise is no Vault."""
    try:
        for key in keys:
            answer = answer[key]
    except (KeyError, TypeError):
        raise _problem("PYE477", "the answer to the login is none of a Vault server", "Check VAULT_ADDR.") from None
    return answer


def _problem(code: str, message: str, mend: str) -> PypeError:
    return PypeError(Problem(code, message, mend=mend[:1].upper() + mend[1:], phase="run"))


def _refuse(code: str, message: str, mend: str) -> NoReturn:
    # without the exception that led here: it holds the request, and that the token
    raise _problem(code, message, mend) from None


def _unset(message: str, mend: str) -> PypeError:
    return _problem("PYE470", message, mend)
