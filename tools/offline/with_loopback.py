"""Run a command in a network namespace that has this machine's loopback and nothing else.

`unshare -Urn python with_loopback.py COMMAND…`: a new namespace's loopback is down, and tests that
talk to a server of their own need it. Standard library only: a bare machine has no `ip`.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
REQUEST = "16sH14x"  # struct ifreq: name, flags, padding


def main(command: list[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack(REQUEST, b"lo", 0))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack(REQUEST, b"lo", struct.unpack(REQUEST, answer)[1] | IFF_UP))
    os.execvp(command[0], command)  # noqa: S606 -- the command is the one we were given


if __name__ == "__main__":
    main(sys.argv[1:])
