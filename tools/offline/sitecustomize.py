"""Refuse the network in this process and its children: `check-offline` where no network namespace can be had.

Put this folder on PYTHONPATH. Sockets of this machine (loopback and Unix) stay.
"""

from __future__ import annotations

import socket
from typing import Any

_connect = socket.socket.connect
_LOOPBACK = ("127.", "localhost", "::1")


def _refuse(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(_LOOPBACK):
        raise OSError(f"no network in this check: connect to {address!r} refused")
    _connect(self, address)


def _no_names(host: Any, *args: Any, **kwargs: Any) -> Any:
    if host is None or str(host).startswith(_LOOPBACK):
        return _getaddrinfo(host, *args, **kwargs)
    raise socket.gaierror(f"no network in this check: name {host!r} refused")


_getaddrinfo = socket.getaddrinfo
socket.socket.connect = _refuse  # type: ignore[method-assign,assignment]
socket.getaddrinfo = _no_names
