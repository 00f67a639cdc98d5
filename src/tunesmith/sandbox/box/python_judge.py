"""Takes programs from the caller, has each run by a fork server, and decides the verdict.

The judge never runs the program and never runs with it; it hears answers. Tests that are plain
enough it runs itself, others in a sandboxed process of their own.
"""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Callable
from typing import Any

from .messages import channel, codec, frames, remote
from .processes import arenas, orders
from .processes.alarm import Alarm
from .processes.budget import Clock
from .processes.trial import Abandoned, Trial
from .testing import classify, plain, suite


class Judge:
    """Judges programs one after another.

    start: gives a new fork server of the kind named.  masters: descriptors whose hanging up ends all.
    """

    def __init__(self, start: Callable[[str], socket.socket], masters: list[int]) -> None:
        self._start, self._masters = start, masters
        self._servers: dict[str, orders.Server] = {}
        self._clock = Clock()
        self._processor = orders.ANY_PROCESSOR

    def server(self, kind: str) -> orders.Server:
        """The fork server for ``program``, ``sparing`` or ``tests``, started at its first use.

        The children of ``program`` keep what they free, those of ``sparing`` give it back at once.
        """
        if kind not in self._servers:
            self._servers[kind] = orders.Server(self._start(kind))
        self._servers[kind].processor = self._processor
        return self._servers[kind]

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one program."""
        if job["processor"] != self._processor:
            self._processor = job["processor"]
            orders.keep_to(self._processor)
        read = classify.read(job["tests"], job["entry_point"], trusted=job["trusted"])
        outcome, unsure = self._judged(job, read, "program", confirms=True)
        if unsure:
            outcome, _ = self._judged(job, read, "program", confirms=False)
        if _may_lack_memory(outcome):
            outcome, _ = self._judged(job, read, "sparing", confirms=False)
        return outcome

    def _judged(
        self, job: dict[str, Any], read: classify.Reading, kind: str, *, confirms: bool
    ) -> tuple[dict[str, Any], bool]:
        """The outcome, and whether it has to be seen again without confirming many answers at once."""
        trial = Trial(job, self.server(kind), self._clock, self._masters)
        session = remote.Session(trial.exchange, trial.receive, confirms=confirms)
        try:
            status, failure, why = self._try(job, read, session, trial)
        except channel.OverLimit:
            status, failure, why = "timeout", trial.budget.over or trial.budget.late, ""
        report = trial.close()
        if failure == "closed":
            failure = _cause(report)
        stdout, stderr = trial.text()
        return {
            "ticket": job["ticket"], "status": status, "failure": failure, "stdout": stdout,
            "stderr": f"{stderr}{why}\n" if why else stderr, "seconds": report.cpu,
            "peak_bytes": report.peak_bytes, "judged": read.where if job["tests"] else "",
        }, session.unsure  # fmt: skip

    def _try(
        self, job: dict[str, Any], read: classify.Reading, session: remote.Session, trial: Trial
    ) -> tuple[str, str, str]:
        """Status, failure and explanation. Raises OverLimit."""
        try:
            imports = read.imports_for(job["code"])
            names = session.run(job["code"], imports, not job["tests"], list(read.names), list(read.calls))
        except channel.Gone as gone:
            return "error", session.lost or str(gone), ""
        except (Exception, SystemExit) as error:  # the door: what the program raised is its outcome
            return "error", _name(error), suite.trace(error)
        if trial.budget.late and not read.calls:  # else it may have been a call that took so long
            raise channel.OverLimit
        if not job["tests"]:
            return "passed", "", ""
        if read.code is None or type(names) is not dict:
            return "error", "bad tests" if read.code is None else "no sense", read.error
        return self._test(job, read, {n: v for n, v in names.items() if n in read.names}, session, trial)

    def _test(
        self,
        job: dict[str, Any],
        read: classify.Reading,
        names: dict[str, Any],
        session: remote.Session,
        trial: Trial,
    ) -> tuple[str, str, str]:
        try:
            failure, why = self._run_tests(job, read, names, session, trial)
        except channel.Gone as gone:
            session.lost = session.lost or str(gone)
            failure, why = session.lost, ""
        if trial.budget.over or (trial.budget.late and (session.lost or not failure)):
            raise channel.OverLimit
        if session.lost:
            return "error", session.lost, ""
        return ("failed", failure, why) if failure else ("passed", "", "")

    def _run_tests(
        self,
        job: dict[str, Any],
        read: classify.Reading,
        names: dict[str, Any],
        session: remote.Session,
        trial: Trial,
    ) -> tuple[str, str]:
        if read.where == "plain":
            random.seed(0)
            with Alarm(trial.budget.of_tests, trial.budget.tests_are_over):
                return suite.attempt(read.code, job["entry_point"], plain.scope(names))
        try:
            if read.where == "beside":
                verdict = session.ask("judge", job["tests"], job["entry_point"])
            else:
                message = trial.test_apart(job["tests"], job["entry_point"], names, self.server("tests"))
                session.lost, *said = codec.decode(message, codec.BUILDERS)
                verdict = tuple(said)
        except channel.Gone:
            if read.where == "beside":
                raise
            return "no verdict", f"the process of the tests ended with code {trial.end_tests().code}"
        except Exception:  # the door: the other side may break in any way
            return "no verdict", ""
        if type(verdict) is not tuple or [type(part) for part in verdict] != [str, str]:
            return "no verdict", ""
        return verdict


def _may_lack_memory(outcome: dict[str, Any]) -> bool:
    """Whether a program may have failed for want of memory that it had freed and that was kept."""
    if outcome["status"] not in ("failed", "error"):
        return False
    return outcome["peak_bytes"] > arenas.SPARE or outcome["failure"] in ("MemoryError", "no verdict")


def _name(error: BaseException) -> str:
    return "SystemExit" if isinstance(error, SystemExit) else suite.name_of(error)


def _cause(report: orders.Report) -> str:
    """Why a program is silent for ever."""
    if report.code < 0 and report.code != -signal.SIGKILL:
        return f"killed by {signal.Signals(-report.code).name}"
    return "no verdict"


def serve(connection: socket.socket, keeper: int, start: Callable[[str], socket.socket]) -> None:
    """Judge programs from ``connection`` until the caller goes, or the keeper at descriptor ``keeper``."""
    judge = Judge(start, [connection.fileno(), keeper])
    judge.server("program")
    connection.sendall(frames.frame({"ready": True}))
    buffer = frames.Frames()
    try:
        while (jobs := frames.receive(connection, buffer)) is not None:
            for job in jobs:
                connection.sendall(frames.frame(judge.judge(job)))
    except (Abandoned, BrokenPipeError, ConnectionResetError):
        return
