"""Submits batches, finds them again and collects their answers, with a journal that makes this safe to kill.

The order matters: upload the file (free), write file and request names to the journal (fsync), create the
batch (from here on it costs), write its id. After a kill between the last two, a later process finds the
batch at the provider by its input file, so nothing is paid for twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..request_errors import AccessRefused, RequestError, Transient
from ..secrets import scrubbed
from .http import Http
from .wire import from_json, to_json

_PATH = "/chat/completions"
_SECONDS = 300.0
_LARGEST_FILE = 150_000_000  # bytes; OpenAI takes 200 MB
_LARGEST_RESULT = 2**30
_JOURNAL_DAYS = 30  # providers delete a batch's files after 30 days
_FAILED_POLLS = 5  # in a row; a batch runs for hours, so one lost poll means nothing
_OVER = frozenset({"completed", "expired", "cancelled", "failed"})
_TOO_MUCH = frozenset({"token_limit_exceeded", "rate_limit_exceeded", "request_limit_exceeded"})

Result = tuple[int, Any]
"""HTTP status and JSON body of one request of a batch."""


@dataclass(slots=True, eq=False)
class BatchJob:
    """A file of requests and the batch made of it.

    batch: its id, empty until it is known to exist.  fresh: this process uploaded the file, so no batch of it
    can exist yet.  follower: the task that polls it.
    """

    file: str
    names: tuple[str, ...]
    batch: str = ""
    fresh: bool = False
    follower: asyncio.Task[None] | None = field(default=None, repr=False)


class Journal:
    """Submitted batches of one ``base_url``, on disk. Entries older than 30 days are left out."""

    def __init__(self, path: Path, base_url: str) -> None:
        self._path, self._base_url = path, base_url
        path.parent.mkdir(parents=True, exist_ok=True)
        self.jobs = list(self._read())

    def _read(self) -> Iterable[BatchJob]:
        jobs: dict[str, BatchJob] = {}
        for line in self._path.read_bytes().splitlines() if self._path.exists() else ():
            try:
                entry = from_json(line)
            except ValueError:
                continue  # the last line of a killed process, half written: its batch was not created yet
            if entry["base_url"] != self._base_url or entry["at"] < time.time() - _JOURNAL_DAYS * 86_400:
                continue
            if "names" in entry:
                jobs[entry["file"]] = BatchJob(entry["file"], tuple(entry["names"]))
            elif entry["file"] in jobs:
                jobs[entry["file"]].batch = entry["batch"]
        return jobs.values()

    def write(self, job: BatchJob) -> None:
        """Write a job: its names before its batch is created, its batch after. On disk when this returns."""
        entry = {"base_url": self._base_url, "at": time.time(), "file": job.file}
        entry |= {"batch": job.batch} if job.batch else {"names": job.names}
        with self._path.open("ab") as sink:
            sink.write(b"\n" + to_json(entry))  # the line break first: it ends a half-written line
            sink.flush()
            os.fsync(sink.fileno())


class Jobs:
    """Gathers requests into batches and gives out their answers.

    most: requests in one batch.  gather: seconds without a new request until a batch is submitted.
    poll: seconds between two polls.
    """

    def __init__(
        self, http: Http, base_url: str, journal: Journal, most: int, gather: float, poll: float
    ) -> None:
        self._http, self._base_url, self._journal = http, base_url, journal
        self._most, self._gather, self._poll = most, gather, poll
        self._job_of = {name: job for job in journal.jobs for name in job.names}
        self._asked: dict[str, asyncio.Future[Result]] = {}
        self._pending: dict[str, bytes] = {}
        self._results: dict[str, Result] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop polling; the batches go on at the provider."""
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def answer(self, name: str, body: dict[str, Any]) -> Result:
        """The provider's answer to ``body``, from the batch that it is or will be part of."""
        if name in self._results:
            return self._results.pop(name)
        asked = self._asked.get(name)
        if asked is None:
            asked = self._asked[name] = asyncio.get_running_loop().create_future()
            job = self._job_of.get(name)
            if job is None:
                self._gather_in(name, body)
            elif job.follower is None:
                job.follower = self._start(self._follow(job))
        return await asyncio.shield(asked)  # a caller that is cancelled must not cancel the batch's future

    def _gather_in(self, name: str, body: dict[str, Any]) -> None:
        line = {"custom_id": name, "method": "POST", "url": f"/v1{_PATH}", "body": body}
        self._pending[name] = to_json(line)
        if self._timer is not None:
            self._timer.cancel()
        if len(self._pending) >= self._most:
            self._submit_pending()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._gather, self._submit_pending)

    def _submit_pending(self) -> None:
        pending, self._pending = self._pending, {}
        group: dict[str, bytes] = {}
        size = 0
        for name, line in pending.items():
            if size + len(line) > _LARGEST_FILE:
                self._start(self._submit(group))
                group, size = {}, 0
            group[name] = line
            size += len(line) + 1
        if group:
            self._start(self._submit(group))

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _submit(self, lines: dict[str, bytes]) -> None:
        try:
            job = BatchJob(await self._upload(b"\n".join(lines.values())), tuple(lines), fresh=True)
            await asyncio.to_thread(self._journal.write, job)
        except Exception as error:  # a task boundary: the callers get what was raised
            self._fail(lines, error)
            return
        self._job_of |= dict.fromkeys(job.names, job)
        job.follower = asyncio.current_task()
        await self._follow(job)

    async def _follow(self, job: BatchJob) -> None:
        """Poll ``job`` until it is over, then give each caller its result."""
        try:
            if not job.batch:
                await self._make(job)
            state = await self._wait(job)
            results = await self._collect(state)
        except Exception as error:  # a task boundary: the callers get what was raised
            if isinstance(error, AccessRefused) and error.kind == "refused 404":
                self._forget(job)  # the provider no longer has it: its requests are submitted again
                error = Transient("batch lost", error.message)
            self._fail(job.names, error)
            return
        finally:
            job.follower = None
        self._forget(job)
        lost = Transient("timeout", f"batch {job.batch} ended ({state['status']}) without this answer")
        for name in job.names:
            if name in results:
                self._give(name, results[name])
            else:
                self._fail((name,), lost)

    async def _make(self, job: BatchJob) -> None:
        """Create the batch of an uploaded file, or find the one that an earlier process created."""
        if not job.fresh:
            job.batch = await self._find(job.file)
        if not job.batch:
            job.fresh = False
            wanted = {"input_file_id": job.file, "endpoint": f"/v1{_PATH}", "completion_window": "24h"}
            job.batch = str((await self._call("POST", "/batches", ["id"], to_json(wanted)))["id"])
        await asyncio.to_thread(self._journal.write, job)

    async def _find(self, file: str) -> str:
        after = ""
        while True:
            page = await self._call("GET", f"/batches?limit=100{after}", ["data"])
            for batch in page["data"]:
                if batch.get("input_file_id") == file:
                    return str(batch["id"])
            if not page.get("has_more") or not page["data"]:
                return ""
            after = f"&after={page['data'][-1]['id']}"

    async def _wait(self, job: BatchJob) -> dict[str, Any]:
        missed = 0
        while True:
            try:
                state = await self._call("GET", f"/batches/{job.batch}", ["status"])
                missed = 0
            except Transient:
                missed += 1
                if missed > _FAILED_POLLS:
                    raise
            else:
                if state["status"] in _OVER:
                    return state
            await asyncio.sleep(self._poll)

    async def _collect(self, state: dict[str, Any]) -> dict[str, Result]:
        files = [state.get(kind) for kind in ("output_file_id", "error_file_id")]
        if state["status"] == "failed" and not any(files):
            raise batch_error(state, self._poll)
        results: dict[str, Result] = {}
        for file in filter(None, files):
            path = f"/files/{file}/content"
            raw = await self._http.send(
                "GET", self._base_url, path, seconds=_SECONDS, largest=_LARGEST_RESULT
            )
            results |= dict(filter(None, map(_result, raw.splitlines())))
        return results

    async def _upload(self, lines: bytes) -> str:
        import aiohttp

        form = aiohttp.FormData()
        form.add_field("purpose", "batch")
        form.add_field("file", lines, filename="requests.jsonl", content_type="application/jsonl")
        return str((await self._call("POST", "/files", ["id"], form))["id"])

    async def _call(
        self, method: str, path: str, expected: Sequence[str], data: Any = None
    ) -> dict[str, Any]:
        raw = await self._http.send(method, self._base_url, path, data, seconds=_SECONDS)
        try:
            reply = dict(from_json(raw))
        except Exception as error:  # a body may raise anything, see completions_of
            raise Transient("malformed", f"{path}: not a reply of the Batch API") from error
        if missing := [name for name in expected if name not in reply]:
            raise Transient("malformed", f"{path}: the reply lacks {', '.join(missing)}")
        return reply

    def _forget(self, job: BatchJob) -> None:
        for name in job.names:
            if self._job_of.get(name) is job:
                del self._job_of[name]

    def _give(self, name: str, result: Result) -> None:
        asked = self._asked.pop(name, None)
        if asked is None:
            self._results[name] = result
        elif not asked.done():
            asked.set_result(result)

    def _fail(self, names: Iterable[str], error: Exception) -> None:
        for name in names:
            asked = self._asked.pop(name, None)
            if asked is not None and not asked.done():
                asked.set_exception(error)
                asked.exception()  # mark it as seen: its caller may be gone


def _result(raw: bytes) -> tuple[str, Result] | None:
    """Name, status and body of a line of an output or error file; None where it cannot be read.

    A bad line costs its own row, not the batch: its request counts as unanswered.
    """
    try:
        line = from_json(raw)
        name, response = str(line["custom_id"]), line.get("response")
        if response:
            return name, (int(response["status_code"]), response["body"])
        error = line.get("error") or {"message": "no answer"}
        return name, (408 if error.get("code") == "batch_expired" else 500, {"error": error})
    except Exception:  # a line may raise anything, see completions_of
        return None


def batch_error(state: dict[str, Any], poll: float) -> RequestError:
    """Why a batch did not start: too much is queued already (try later), or the file is refused."""
    errors = state.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else None
    error = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    said = scrubbed(f"batch {state.get('id')} failed: {error.get('message', 'no reason given')}")
    if error.get("code") in _TOO_MUCH:
        return Transient("rate limit", said, max(60.0, poll))
    return AccessRefused("batch failed", said)
