"""What the children of the two fork servers do: one runs compilers, the other becomes the built program.

Both read one order, a JSON object, from their line before anything else.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
from typing import Any

from ..isolation import limits
from ..messages import channel

PROGRAM = limits.OPEN_FILES - 1
"""The descriptor that a program is executed from. The filter allows execution of this number only, and the
limit on open files is then lowered to it, so no other file can ever have it: one execution is all."""
_AT_FIRST_DEFAULT = (signal.SIGPIPE, signal.SIGXFSZ)  # which the interpreter ignores


def build(line: int) -> None:
    """Run the order's commands up to the first that fails; answer how it went, with what came of it."""
    order = _order(line)
    limits.soften(resource.RLIMIT_AS, order["memory_bytes"])
    reply: dict[str, Any] = {"code": 0, "seconds": 0.0, "broken": ""}
    fds: list[int] = []
    try:
        for files, command in order["stages"]:
            _write(files)
            reply["code"], seconds = _command(command, _environment(order["environment"]), line)
            reply["seconds"] += seconds
            if reply["code"]:
                break
        else:
            fds.append(_keep(order["product"]))
    except OSError as error:
        reply["broken"] = f"{type(error).__name__}: {error}"
    with socket.socket(fileno=line) as connection:
        socket.send_fds(connection, [json.dumps(reply).encode()], fds)


def _command(command: list[str], environment: dict[str, str], line: int) -> tuple[int, float]:
    """Exit code and CPU seconds of a command, which does not have the line."""
    close = [(os.POSIX_SPAWN_CLOSE, line)]
    child = os.posix_spawn(command[0], command, environment, file_actions=close, setsigdef=_AT_FIRST_DEFAULT)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime


def run(line: int) -> None:
    """Become the program at descriptor 4, or the one whose path the order gives."""
    order = _order(line)
    _write(order["files"])
    source = os.open(order["program"], os.O_RDONLY) if order["program"] else line + 1
    if order["data_bytes"]:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
        limits.lower(resource.RLIMIT_DATA, order["data_bytes"])
    for number in _AT_FIRST_DEFAULT:
        signal.signal(number, signal.SIG_DFL)
    environment = _environment(order["environment"])
    if os.execve in os.supports_fd:
        os.dup2(source, PROGRAM, inheritable=False)
        os.close(source)
        limits.lower(resource.RLIMIT_NOFILE, PROGRAM)
        os.execve(PROGRAM, order["arguments"], environment)
    os.execve(order["program"] or _copy(source), order["arguments"], environment)


def _order(line: int) -> dict[str, Any]:
    order: dict[str, Any] = json.loads(bytes(channel.read_message(line)))
    return order


def _environment(given: dict[str, str]) -> dict[str, str]:
    here = os.environ["TMPDIR"]
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": here, "TMPDIR": here, **given}


def _write(files: dict[str, Any]) -> None:
    """Text by name, or bytes as ``{"hex": digits}``."""
    for name, content in files.items():
        text = isinstance(content, str)
        with open(name, "wb") as file:
            file.write(content.encode("utf-8", "surrogatepass") if text else bytes.fromhex(content["hex"]))


def _keep(path: str) -> int:
    """A descriptor of the file at ``path`` that outlives the folder and can no longer be written to."""
    source = os.open(path, os.O_RDONLY)
    if not hasattr(os, "memfd_create"):
        return source
    kept = os.memfd_create("program", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    left = os.fstat(source).st_size
    while left:
        left -= os.sendfile(kept, source, None, left)
    with contextlib.suppress(OSError):
        fcntl.fcntl(kept, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    os.close(source)
    return kept


def _copy(source: int) -> str:
    """The path of a copy of ``source``, for systems that execute paths only."""
    path = os.path.abspath("program")
    with open(source, "rb") as read, open(path, "wb") as write:
        write.write(read.read())
    os.chmod(path, 0o700)
    return path
