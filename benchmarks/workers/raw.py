"""Bare sockets that make the same writes as a C-STORE and nothing else: the limit that the machine sets.

The client sends a command-sized PDU and the P-DATA-TF headers and bytes of a data set in ``sendmsg`` calls of about
a MiB, and waits for a response-sized answer; the server receives into one buffer and counts.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from struct import Struct

from benchmarks.tasks import HOST, Task
from benchmarks.workers.orders import Stopwatch, reply, wait, work

_GREETING = Struct(">QQ")
_HEAD = Struct(">BxLLBB")
_RECEIVED_AT_ONCE = 256 * 1024
_SENT_AT_ONCE = 1 << 20
_STORE_REQUEST = bytes(160)
_ECHO_REQUEST = bytes(80)
_RESPONSE = bytes(150)
_MOST_BUFFERS = 1024


def serve(task: Task) -> None:
    with socket.create_server((HOST, 0), backlog=128) as listener:
        threading.Thread(target=_accept, args=(listener, task), daemon=True).start()
        reply(port=listener.getsockname()[1])
        wait()
    reply(stopped=True)


def _accept(listener: socket.socket, task: Task) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_receive, args=(sock, task), daemon=True).start()


def _receive(sock: socket.socket, task: Task) -> None:
    """Answer each object once it is whole; its length is the first thing a client says."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with sock:
        greeting = sock.recv(_GREETING.size, socket.MSG_WAITALL)
        if len(greeting) < _GREETING.size:
            return
        length, command = _GREETING.unpack(greeting)
        view = memoryview(bytearray(_RECEIVED_AT_ONCE))
        for number in count():
            left = length
            file = _new_file(task, f"{sock.fileno()}-{number}.raw") if task.keep == "file" else -1
            while left:
                size = sock.recv_into(view, min(left, len(view)))
                if not size:
                    return
                if file >= 0:
                    # What comes before the data set goes to no file.
                    os.write(file, view[max(0, command - (length - left)) : size])
                left -= size
            if file >= 0:
                os.close(file)
            sock.sendall(_RESPONSE)


def _new_file(task: Task, name: str) -> int:
    return os.open(Path(task.folder) / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)


class Writes:
    """The buffers of one object, in batches that reuse one piece of memory."""

    def __init__(self, task: Task, request: bytes) -> None:
        self.request = request
        self.size = task.size
        self.fragment = task.maximum_length - 6 & ~1
        self.step = max(1, _SENT_AT_ONCE // self.fragment) * self.fragment
        self.piece = bytearray(min(self.step, task.size))
        self.file = open(task.path, "rb", buffering=0) if task.from_file else None  # noqa: SIM115
        self.offset = task.offset
        self.whole = self._cut(len(self.piece))
        self.rest = self._cut(task.size % self.step) if task.size > self.step else []
        count = -(-task.size // self.fragment)
        self.length = len(request) + task.size + count * _HEAD.size

    def _cut(self, size: int) -> list[bytes | memoryview]:
        view = memoryview(self.piece)[:size]
        buffers: list[bytes | memoryview] = []
        for start in range(0, size, self.fragment):
            part = view[start : start + self.fragment]
            buffers += (_HEAD.pack(4, len(part) + 6, len(part) + 2, 1, 0), part)
        return buffers

    def batches(self) -> Iterator[list[bytes | memoryview]]:
        first: list[bytes | memoryview] = [self.request]
        left = self.size
        if self.file is not None:
            self.file.seek(self.offset)
        while True:
            size = min(left, self.step)
            if self.file is not None and size:
                self.file.readinto(memoryview(self.piece)[:size])
            yield first + (self.whole if size == len(self.piece) else self.rest)
            left -= size
            if not left:
                return
            first = []


def _send(sock: socket.socket, buffers: list[bytes | memoryview]) -> None:
    index = 0
    while index < len(buffers):
        sent = sock.sendmsg(buffers[index : index + _MOST_BUFFERS])
        while index < len(buffers) and sent >= len(buffers[index]):
            sent -= len(buffers[index])
            index += 1
        if sent:
            # What is left of a buffer goes alone, so that the list can be used again.
            sock.sendall(memoryview(buffers[index])[sent:])
            index += 1


def _converse(task: Task, writes: Writes) -> None:
    with socket.create_connection((HOST, task.port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(_GREETING.pack(writes.length, len(writes.request)))
        answer = bytearray(len(_RESPONSE))
        reply(ready=True)
        wait()
        watch = Stopwatch()
        for _ in range(task.count):
            for batch in writes.batches():
                _send(sock, batch)
            if sock.recv_into(answer, len(answer), socket.MSG_WAITALL) < len(answer):
                raise RuntimeError("the server is gone")
        watch.report()


def store(task: Task) -> None:
    _converse(task, Writes(task, _STORE_REQUEST))


def echo(task: Task) -> None:
    _converse(task, Writes(task, _ECHO_REQUEST))


if __name__ == "__main__":
    work({"serve": serve, "store": store, "echo": echo})
