"""A server of ours that misbehaves as told: a script for each of its connections, over a real socket."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest


class Asked(NamedTuple):
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, asked: list[Asked]) -> None:
        self.sock, self.stream, self._asked = sock, sock.makefile("rb"), asked
        self.say = sock.sendall

    def take(self) -> bool:
        """Takes in the next request; False when the client has gone."""
        method, path, *_ = self.stream.readline().decode().split() or ("", "")
        lines = iter(lambda: self.stream.readline().strip().decode(), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if method:
            self._asked.append(Asked(method, path, headers, self.stream.read(int(headers.get("content-length", 0)))))
        return bool(method)

    def reset(self) -> None:
        """An end with RST in place of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()
        self.sock.close()


class Stub:
    """Plays one script for each connection, the last for all that follow; keeps what it was asked."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))  # refuses connections until open()
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}/fhir"
        self.plays: list[Callable[[Peer], object]] = []
        self.asked: list[Asked] = []
        self.ending, self._threads = threading.Event(), list[threading.Thread]()

    def open(self) -> None:
        self._listener.listen()
        self._start(self._accept)

    def answers(self, *answers: bytes) -> None:
        """Gives these answers one after the other, over however many connections; the last again and again."""
        left = iter(answers[:-1])

        def play(peer: Peer) -> None:
            while peer.take():
                peer.say(next(left, answers[-1]))

        self.plays = [play]

    def _accept(self) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                peer = Peer(self._listener.accept()[0], self.asked)
                self._start(self._play, self.plays.pop(0) if len(self.plays) > 1 else self.plays[0], peer)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _play(self, play: Callable[[Peer], object], peer: Peer) -> None:
        with peer.sock, suppress(OSError), peer.stream:  # the client may go away, as it should
            play(peer)

    def close_door(self) -> None:
        """Refuses connections from now on; those that are there go on."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def close(self) -> None:
        """To be called when the clients are closed: their ends are what the threads wait for."""
        self.ending.set()
        self.close_door()
        for thread in self._threads:
            thread.join(30)


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    made.open()
    yield made
    made.close()
