"""Things outside the sandbox that attacks aim at, and whether they were touched."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent


def attacks(kind: str) -> dict[str, str]:
    """Name and source of each attack in ``KIND.attacks``."""
    _, *parts = (HERE / f"{kind}.attacks").read_text().split("\n### ")
    return {name: source for name, _, source in (part.partition("\n") for part in parts)}


class Targets:
    """Files, a process and sockets of the user; ``aim`` writes their addresses into an attack."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.secret = secrets.token_hex(16)
        os.environ["TUNESMITH_CANARY"] = self.secret
        self._bystander = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        self._abstract = f"tunesmith-{secrets.token_hex(8)}"
        self._socket_file = str(folder / "socket")
        self._listeners = list(self._listen())

    def _listen(self) -> Iterator[socket.socket]:
        tcp, udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        self.port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", self.port))
        named, abstract = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
        named.bind(self._socket_file)
        abstract.bind(f"\0{self._abstract}")
        for listener in (tcp, named, abstract):
            listener.listen()
        boxes = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        boxes[0].bind(f"{self._socket_file}.box")
        boxes[1].bind(f"\0{self._abstract}.box")
        for listener in (tcp, udp, named, abstract, *boxes):
            listener.setblocking(False)
            yield listener

    def aim(self, source: str, own: Path) -> str:
        """``source`` with its targets; ``own`` is a folder for this attack alone."""
        own.mkdir()
        (own / "folder").mkdir()
        (own / "canary").write_text("untouched")
        (own / "secret").write_text(self.secret)
        filled = {
            "canary": own / "canary", "secret_file": own / "secret", "folder": own / "folder",
            "port": self.port, "pid": self._bystander.pid, "abstract": self._abstract,
            "socket_file": self._socket_file, "secret_start": self.secret[:16],
            "secret_end": self.secret[16:],
        }  # fmt: skip
        for name, value in filled.items():
            source = source.replace("{" + name + "}", str(value))
        return source

    def damage(self, own: Path) -> list[str]:
        """What happened to this attack's own files."""
        found = []
        canary = own / "canary"
        if canary.exists() and canary.stat().st_mode & 0o777 == 0:
            found.append("the user's file was made unreadable")
        elif not canary.exists() or canary.read_text() != "untouched":
            found.append("the user's file was changed")
        if not (own / "folder").is_dir() or any((own / "folder").iterdir()):
            found.append("the user's folder was changed")
        return found

    def disturbed(self) -> list[str]:
        """What happened to what the attacks share."""
        found = []
        if self._bystander.poll() is not None:
            found.append("the user's process was killed")
        elif Path(f"/proc/{self._bystander.pid}/stat").read_text().split()[2] == "T":
            found.append("the user's process was stopped")
        for listener in self._listeners:
            try:
                listener.recv(1) if listener.type == socket.SOCK_DGRAM else listener.accept()
                found.append(f"something came to {listener.getsockname()}")
            except BlockingIOError:
                continue
        return found

    def close(self) -> None:
        self._bystander.kill()
        self._bystander.wait()
        for listener in self._listeners:
            listener.close()
        del os.environ["TUNESMITH_CANARY"]


def descendants(pid: int) -> set[int]:
    """Processes below ``pid``, zombies too."""
    children = {
        int(p)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for p in (task / "children").read_text().split()
    }
    return children.union(*(descendants(child) for child in children if Path(f"/proc/{child}").exists()))
