"""``use: batch`` against a real HTTP server: half the price, the same rows, safe to kill."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from llm_world import answered, ask_all, failed, served

from mock_server import Asked, Mock, Reply, completion, failure
from tunesmith.errors import ProviderRefused
from tunesmith.llm.api.batch_jobs import Journal, batch_error
from tunesmith.llm.costs import Costs
from tunesmith.llm.prices import Price
from tunesmith.llm.request_errors import AccessRefused, Transient
from tunesmith.models.batch import Batch

PROMPTS = [f"prompt {number}" for number in range(40)]


class BatchApi:
    """The Batch API as a behaviour of the mock server: files, batches, results after ``polls`` questions."""

    def __init__(self, polls: int = 2) -> None:
        self.polls = polls
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, int] = {}
        self.ends: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {}
        self.drop_next_creation = False

    def __call__(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("/v1").split("?")[0]
        if path == "/files":
            return self._json(id=self._file(asked.body))
        if path == "/batches" and asked.body:
            return self._create(asked.json["input_file_id"])
        if path == "/batches":
            return self._json(data=list(reversed(self.batches.values())), has_more=False)
        if match := re.fullmatch(r"/files/(.+)/content", path):
            return Reply(body=self.files[match[1]])
        return self._state(path.removeprefix("/batches/"))

    @property
    def prompts(self) -> list[str]:
        """The prompts of every batch that was made."""
        lines = [line for b in self.batches.values() for line in self.files[b["input_file_id"]].splitlines()]
        return [json.loads(line)["body"]["messages"][0]["content"] for line in lines]

    def _file(self, form: bytes) -> str:
        name = f"file-{len(self.files)}"
        assert b'name="purpose"' in form and b"\r\n\r\nbatch\r\n" in form
        self.files[name] = b"\n".join(line for line in form.splitlines() if line.startswith(b"{"))
        return name

    def _create(self, file: str) -> Reply:
        name = f"batch-{len(self.batches)}"
        self.batches[name] = {"id": name, "input_file_id": file, "status": "in_progress"}
        self.asked[name] = 0
        if self.drop_next_creation:
            self.drop_next_creation = False
            return Reply(drop=True)
        return self._json(**self.batches[name])

    def _state(self, name: str) -> Reply:
        if name not in self.batches:
            return failure(404, "no such batch")
        self.asked[name] += 1
        if self.asked[name] >= self.polls and self.batches[name]["status"] == "in_progress":
            self._end(self.batches[name], self.ends.pop(0) if self.ends else "completed")
        return self._json(**self.batches[name])

    def _end(self, batch: dict[str, Any], status: str) -> None:
        batch["status"] = status
        good, bad = [], []
        for number, line in enumerate(self.files[batch["input_file_id"]].splitlines()):
            request = json.loads(line)
            prompt = request["body"]["messages"][0]["content"]
            if status == "expired" and number % 2:
                error = {"code": "batch_expired", "message": "too late"}
                bad.append({"custom_id": request["custom_id"], "response": None, "error": error})
                continue
            body = self.answers.pop(prompt, None) or json.loads(completion(f"answer to {prompt}"))
            line_out = {"custom_id": request["custom_id"], "error": None}
            code = body.get("status", 200)
            (good if code == 200 else bad).append(
                line_out | {"response": {"status_code": code, "body": body}}
            )
        for kind, lines in (("output_file_id", good), ("error_file_id", bad)):
            if lines:
                batch[kind] = f"{kind}-{batch['id']}"
                self.files[batch[kind]] = "\n".join(map(json.dumps, reversed(lines))).encode()

    @staticmethod
    def _json(**reply: Any) -> Reply:
        return Reply(body=json.dumps(reply).encode())


def batched(url: str, folder: Path, **fields: Any) -> Batch:
    given = {"model": "mock", "base_url": url, "max_tokens": 64, "poll": 0.02, "gather": 0.05}
    return Batch(**(given | {"journal": folder / "batches.jsonl"} | fields))


def test_rows_that_arrive_together_go_as_one_batch_and_come_back_in_order(tmp_path: Path) -> None:
    api = BatchApi()
    with Mock(api) as server:
        answers = answered(ask_all(batched(server.url, tmp_path), PROMPTS))
    assert [answer.text for answer in answers] == [f"answer to {prompt}" for prompt in PROMPTS]
    assert len(api.batches) == 1 and len(api.prompts) == 40


def test_a_result_that_cannot_be_read_costs_its_own_row(tmp_path: Path) -> None:
    class Garbled(BatchApi):
        def _end(self, batch: dict[str, Any], status: str) -> None:
            super()._end(batch, status)
            first, *others = self.files[batch["output_file_id"]].splitlines()
            bad = [first[:-9], b"[" * 100_000, b'{"custom_id": 3}', b"null", b"\xff"]
            self.files[batch["output_file_id"]] = b"\n".join([*bad, *others])

    with Mock(Garbled()) as server:
        answers = ask_all(batched(server.url, tmp_path, tries=1), PROMPTS)
    assert len(answered(answers)) == len(PROMPTS) - 1


def test_the_journal_lies_where_the_recipe_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with Mock(BatchApi()) as server:
        model = batched(server.url, tmp_path, journal="journals/mine.jsonl").at(tmp_path)
        assert len(answered(ask_all(model, PROMPTS[:3]))) == 3
    assert (tmp_path / "journals" / "mine.jsonl").read_text().count("batch") >= 1


def test_a_batch_is_no_larger_than_allowed(tmp_path: Path) -> None:
    api = BatchApi()
    with Mock(api) as server:
        assert len(answered(ask_all(batched(server.url, tmp_path, in_flight=15), PROMPTS))) == 40
    sizes = [len(api.files[batch["input_file_id"]].splitlines()) for batch in api.batches.values()]
    assert max(sizes) == 15 and sum(sizes) == 40


def test_answers_are_shared_with_the_model_asked_directly_and_cost_half(tmp_path: Path) -> None:
    price = Price(input=1, output=2)
    api, bill = BatchApi(), Costs()
    with Mock(api) as server:
        ask_all(batched(server.url, tmp_path, price=price), PROMPTS, store=tmp_path / "a.sqlite", bill=bill)
        again = ask_all(served(server.url), PROMPTS, store=tmp_path / "a.sqlite")
    assert all(answer.cached for answer in answered(again)) and len(again) == 40
    assert bill.usd == pytest.approx(40 * (250 + 2 * 20) / 1e6)
    direct = Batch(model="gpt-4o-mini", base_url="https://api.openai.com/v1")
    listed = direct.as_openai().token_price()
    assert listed is not None and direct.token_price() == listed.times(0.5)


def test_what_expired_or_broke_in_a_batch_goes_into_the_next(tmp_path: Path) -> None:
    api = BatchApi()
    api.ends = ["expired"]
    api.answers = {"prompt 0": {"status": 500, "error": {"message": "oops"}}, "prompt 2": {"odd": 1}}
    with Mock(api) as server:
        assert len(answered(ask_all(batched(server.url, tmp_path), PROMPTS))) == 40
    times = Counter(api.prompts)
    assert times["prompt 0"] == times["prompt 2"] == times["prompt 1"] == 2 and times["prompt 4"] == 1


def test_a_refused_line_costs_its_own_row(tmp_path: Path) -> None:
    api = BatchApi()
    api.answers = {"prompt 7": {"status": 400, "error": {"message": "too long"}}}
    with Mock(api) as server:
        (failure_,) = failed(ask_all(batched(server.url, tmp_path), PROMPTS))
    assert (failure_.kind, failure_.attempts) == ("refused 400", 1) and "too long" in failure_.message


def test_a_refused_key_stops_the_run(tmp_path: Path) -> None:
    with Mock(lambda _: failure(401, "no")) as server, pytest.raises(ProviderRefused, match="API key"):
        ask_all(batched(server.url, tmp_path), PROMPTS)


def test_a_creation_whose_answer_was_lost_is_found_and_not_paid_again(tmp_path: Path) -> None:
    api = BatchApi()
    api.drop_next_creation = True
    with Mock(api) as server:
        assert len(answered(ask_all(batched(server.url, tmp_path), PROMPTS))) == 40
    assert len(api.batches) == 1


def test_a_batch_that_the_provider_forgot_is_submitted_anew(tmp_path: Path) -> None:
    api = BatchApi()
    with Mock(api) as server:
        model = batched(server.url, tmp_path)
        ask_all(model, PROMPTS)
        api.batches.clear()
        assert len(answered(ask_all(model, PROMPTS))) == 40
        assert len(api.batches) == 1


CHILD = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from llm_world import ask_all
from tunesmith.models.batch import Batch
folder = Path({folder!r})
fields = dict(model="mock", max_tokens=64, poll=0.02, gather=0.05, journal=folder / "batches.jsonl")
prompts = [f"prompt {{number}}" for number in range(40)]
ask_all(Batch(base_url={url!r}, **fields), prompts, store=folder / "a.sqlite")
"""


@pytest.mark.parametrize("moment", ["created", "polled"])
def test_killed_while_it_waits_a_later_process_collects_the_same_batch(tmp_path: Path, moment: str) -> None:
    api = BatchApi(polls=10**9)
    with Mock(api) as server:
        child = CHILD.format(path=sys.path, url=server.url, folder=str(tmp_path))
        started = subprocess.Popen([sys.executable, "-c", child])

        def behave(asked: Asked) -> Reply:
            reply = api(asked)
            created = bool(asked.body) and asked.path.endswith("/batches")
            polled = not asked.body and "/batches/" in asked.path
            if created if moment == "created" else polled:
                os.kill(started.pid, signal.SIGKILL)
                return Reply(hang=True)
            return reply

        server.behaviour = behave
        assert started.wait() == -signal.SIGKILL
        api.polls, server.behaviour = 1, api
        answers = answered(ask_all(batched(server.url, tmp_path), PROMPTS, store=tmp_path / "a.sqlite"))
        assert [answer.text for answer in answers] == [f"answer to {prompt}" for prompt in PROMPTS]
        assert len(api.batches) == 1


def test_a_full_queue_at_the_provider_is_waited_for_and_a_refused_file_is_not() -> None:
    full = batch_error(
        {"id": "b", "errors": {"data": [{"code": "token_limit_exceeded", "message": "full"}]}}, 30.0
    )
    assert isinstance(full, Transient) and full.retry_after == 60.0
    assert isinstance(
        batch_error({"id": "b", "errors": {"data": [{"code": "invalid_json"}]}}, 30.0), AccessRefused
    )


def test_a_torn_journal_line_is_passed_over(tmp_path: Path) -> None:
    api = BatchApi()
    with Mock(api) as server:
        ask_all(batched(server.url, tmp_path), PROMPTS)
        path = tmp_path / "batches.jsonl"
        path.write_bytes(path.read_bytes() + b'\n{"base_url": "http')
        assert [job.batch for job in Journal(path, server.url).jobs] == ["batch-0"]
        assert not Journal(path, "http://another/v1").jobs
