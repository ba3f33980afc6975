"""Frames: whole in any pieces, refused when broken; versions; a worker that is spoken to by hand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pypeline.runner import protocol
from pypeline.runner.protocol import BrokenStreamError, Channel, Decoder, check_version, encode
from pypeline.schema.problems import PypeError

TEXT = st.text(max_size=30)
MESSAGES = st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT | st.lists(TEXT), max_size=4).map(lambda d: {**d, "op": "event"})


@given(st.lists(MESSAGES, max_size=5), st.integers(1, 17))
def test_frames_survive_any_pieces(messages: list[protocol.Message], step: int) -> None:
    stream = b"".join(map(encode, messages))
    decoder, found = Decoder(), []
    for at in range(0, len(stream), step):
        found += list(decoder.feed(stream[at : at + step]))
    assert found == messages


@pytest.mark.parametrize("stream", [b"\xff\xff\xff\xff", b"\0\0\0\2{x", b"\0\0\0\4null", b'\0\0\0\x08{"id":1}'])
def test_a_broken_stream_is_refused_before_it_is_believed(stream: bytes) -> None:
    with pytest.raises(BrokenStreamError):
        list(Decoder().feed(stream))


def test_another_version_is_named() -> None:
    check_version({"op": "hello", "version": protocol.VERSION})
    with pytest.raises(PypeError, match=r"PYE450 .*version 99"):
        check_version({"op": "hello", "version": 99})


def worker() -> tuple[subprocess.Popen[bytes], Channel, socket.socket]:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "pypeline.runner.worker", str(theirs.fileno()), str(os.getpid())]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True, stdin=subprocess.DEVNULL)
    theirs.close()
    return process, Channel(ours), ours


def read(channel: Channel, op: str) -> protocol.Message:
    while True:
        messages = channel.receive(10)
        assert messages is not None, f"the worker went before it said {op}"
        for message in messages:
            if message["op"] == op:
                return message


def test_a_worker_of_another_version_says_so_and_goes() -> None:
    process, channel, end = worker()
    channel.send({"op": "hello", "version": 99})
    assert "PYE450" in read(channel, "bye")["message"]
    assert process.wait(10) == 3
    end.close()


def test_a_worker_beats_answers_and_goes_with_its_host() -> None:
    process, channel, end = worker()
    channel.send({"op": "hello", "version": protocol.VERSION})
    assert read(channel, "hello")["pid"] == process.pid
    channel.send({"op": "check", "id": 1, "text": "a + 1"})
    assert read(channel, "result") == {"op": "result", "id": 1, "value": None}
    channel.send({"op": "evaluate", "id": 2, "expression": "{{a__n}} * 2", "values": {"a__n": 21}})
    assert read(channel, "result")["value"] == 42
    assert read(channel, "beat")["peak_rss"] > 2**20
    end.close()
    process.wait(5)


def test_a_worker_started_by_nobody_does_not_stay() -> None:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-P", "-m", "pypeline.runner.worker", str(theirs.fileno()), "1"]
    process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
    assert process.wait(10) != 0
    ours.close()
    theirs.close()
