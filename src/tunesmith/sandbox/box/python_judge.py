"""Takes Python programs from the caller, has each run by a fork server, and decides the verdict.

The judge never runs the program and never runs with it; it only reads answers. Inline tests it runs itself,
others run in a sandboxed process of their own, or in the program's process where they need its objects.

Whatever the judge does with bytes of a program or of tests happens under one Alarm: a program may send
values that take for ever to build or to compare, and no single step can be trusted to end.
"""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Callable
from typing import Any

from .messages import channel, codec, frames, remote
from .processes import protocol
from .processes.alarm import Alarm
from .processes.budget import Clock
from .processes.trial import Abandoned, Trial
from .testing import classify, inline, suite

LONGEST_FAILURE, LONGEST_WHY = 200, 8000
"""Characters of a failure's name and of its explanation, which the program may have chosen."""
Verdict = tuple[str, str, str]
"""Status, failure and explanation of an outcome."""


class PythonJudge:
    """Judges programs one after another.

    start: gives a new fork server of the kind named.  masters: descriptors whose hanging up ends all.
    """

    def __init__(self, start: Callable[[str], socket.socket], masters: list[int]) -> None:
        self._start, self._masters = start, masters
        self._servers: dict[str, protocol.ForkServer] = {}
        self._clock = Clock()
        self._processor = protocol.ANY_PROCESSOR

    def server(self, kind: str) -> protocol.ForkServer:
        """The fork server for ``program`` or ``tests``, started at its first use."""
        if kind not in self._servers:
            self._servers[kind] = protocol.ForkServer(self._start(kind))
        self._servers[kind].processor = self._processor
        return self._servers[kind]

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one program."""
        if job["processor"] != self._processor:
            self._processor = job["processor"]
            protocol.keep_to(self._processor)
        trial = Trial(job, self.server("program"), self._clock, self._masters)
        judged = ""
        try:
            with Alarm(trial.budget.of_tests, trial.budget.tests_are_over):
                plan = classify.classify(job["tests"], job["entry_point"], trusted=job["trusted"])
                judged = plan.where if job["tests"] else ""
                session = remote.Session(trial.exchange, trial.receive, trial.budget.limit_answers)
                status, failure, why = self._verdict(job, plan, session, trial)
        except channel.OverLimit:
            status, failure, why = "timeout", trial.budget.over or trial.budget.late, ""
        report = trial.close()
        if failure == "closed":
            failure = _cause(report)
        stdout, stderr = trial.text()
        return {
            "ticket": job["ticket"], "status": status, "failure": failure[:LONGEST_FAILURE],
            "stdout": stdout, "stderr": f"{stderr}{why[:LONGEST_WHY]}\n" if why else stderr,
            "seconds": report.cpu, "peak_bytes": report.peak_bytes, "judged": judged,
        }  # fmt: skip

    def _verdict(
        self, job: dict[str, Any], plan: classify.TestPlan, session: remote.Session, trial: Trial
    ) -> Verdict:
        """Run the program, then its tests. Raises OverLimit."""
        try:
            imports = plan.imports_for(job["code"])
            names = session.run(job["code"], imports, not job["tests"], list(plan.names), list(plan.calls))
        except channel.Gone as gone:
            return "error", session.lost or str(gone), ""
        except (Exception, SystemExit) as error:  # whatever the program raised is its outcome
            name = "SystemExit" if isinstance(error, SystemExit) else suite.name_of(error)
            return "error", name, suite.trace(error)
        if trial.budget.late and not plan.calls:  # else it may have been a call that took so long
            raise channel.OverLimit
        if not job["tests"]:
            return "passed", "", ""
        if plan.code is None or type(names) is not dict:
            return "error", "bad tests" if plan.code is None else "no sense", plan.error
        names = {name: value for name, value in names.items() if name in plan.names}
        try:
            failure, why = self._run_tests(job, plan, names, session, trial)
        except channel.Gone as gone:
            session.lost = session.lost or str(gone)
            failure, why = session.lost, ""
        # Tests may have caught what a limit raised, so the limits have the last say.
        if trial.budget.over or (trial.budget.late and (session.lost or not failure)):
            raise channel.OverLimit
        if session.lost:
            return "error", session.lost, ""
        return ("failed", failure, why) if failure else ("passed", "", "")

    def _run_tests(
        self, job: dict[str, Any], plan: classify.TestPlan, names: dict[str, Any], session: remote.Session,
        trial: Trial,
    ) -> tuple[str, str]:  # fmt: skip
        """Failure and explanation, both empty where every test held."""
        if plan.where == "inline":
            random.seed(0)
            return suite.attempt(plan.code, job["entry_point"], inline.scope(names))
        try:
            if plan.where == "same_process":
                said = session.ask("judge", job["tests"], job["entry_point"])
            else:
                server = self.server("tests")
                message = trial.test_separately(job["tests"], job["entry_point"], names, server)
                lost, *rest = codec.decode(message, codec.BUILDERS)
                session.lost, said = lost if type(lost) is str else "no sense", tuple(rest)
        except channel.Gone:
            if plan.where == "same_process":
                raise
            return "no verdict", f"the process of the tests ended with code {trial.end_tests().code}"
        except Exception:  # a message from the other side may raise anything while it is decoded
            return "no verdict", ""
        if type(said) is not tuple or [type(part) for part in said] != [str, str]:
            return "no verdict", ""
        return said


def _cause(report: protocol.ChildReport) -> str:
    """Why a program does not answer any more."""
    if report.code < 0 and report.code != -signal.SIGKILL:
        return f"killed by {signal.Signals(-report.code).name}"
    return "no verdict"


def serve(connection: socket.socket, supervisor: int, start: Callable[[str], socket.socket]) -> None:
    """Judge programs from ``connection`` until the caller ends, or the supervisor at that descriptor."""
    judge = PythonJudge(start, [connection.fileno(), supervisor])
    judge.server("program")
    connection.sendall(frames.frame({"ready": True}))
    buffer = frames.Frames()
    try:
        while (jobs := frames.receive(connection, buffer)) is not None:
            for job in jobs:
                connection.sendall(frames.frame(judge.judge(job)))
    except (Abandoned, BrokenPipeError, ConnectionResetError):
        return
