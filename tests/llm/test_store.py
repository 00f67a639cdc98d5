"""The answer store: found by words alone, durable before it counts, shared, and safe to kill."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_world import answered, ask_all, served

from mock_server import Mock, Reply
from tunesmith.errors import DataError
from tunesmith.llm.costs import Costs
from tunesmith.llm.store import AnswerStore
from tunesmith.llm.store_entry import request_key
from tunesmith.models.starter import StarterTeacher
from tunesmith.requests import Completion, Message, Request, Sampling, Usage

ANSWER = Completion("yes", Usage(3, 1, 2), "length", "mock-1", False, {"yes": -0.1})
MODEL = served("http://127.0.0.1:1/v1")


def keep(store: AnswerStore, key: str, answer: Completion = ANSWER, prompt: str = "x") -> Completion:
    return asyncio.run(store.put(key, Request.of(prompt), answer))


def test_what_is_put_is_found_by_the_next_to_open_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "answers.sqlite"
    store = AnswerStore(path)
    keep(store, "k")
    store.close()
    store = AnswerStore(path)
    found = store.find("k")
    assert found == Completion("yes", Usage(3, 1, 2), "length", "mock-1", True, {"yes": -0.1})
    assert store.find("other") is None
    store.close()


SAME = [
    {"base_url": "http://127.0.0.1:2/v1"},
    {"in_flight": 3, "rpm": 10, "timeout": 5, "tries": 2},
    {"api_key_env": "OTHER_KEY", "price": {"input": 1, "output": 1}},
]
OTHER: list[dict[str, Any]] = [
    {"model": "other"},
    {"temperature": 0.5},
    {"top_p": 0.9},
    {"max_tokens": 65},
    {"seed": 1},
    {"extra_body": {"top_k": 4}},
    {"api": "completions"},
]


@pytest.mark.parametrize("fields", SAME)
def test_the_key_does_not_depend_on_where_or_how_fast_one_asks(fields: dict[str, Any]) -> None:
    request = Request.of("x")
    assert request_key(served(**fields), request) == request_key(MODEL, request)


@pytest.mark.parametrize("fields", OTHER)
def test_the_key_depends_on_who_answers_and_how(fields: dict[str, Any]) -> None:
    request = Request.of("x")
    assert request_key(served(**fields), request) != request_key(MODEL, request)


def test_the_key_depends_on_every_word_and_on_the_draw() -> None:
    asked = [
        Request.of("x"),
        Request.of("y"),
        Request.of("x", system="s"),
        Request.of("x", draw=1),
        Request.of("x", schema={"type": "object"}),
        Request.of("x", sampling=Sampling(stop=("a",))),
        Request((Message("assistant", "x"),)),
        Request((Message("user", "x"),), logprobs=2),
    ]
    assert len({request_key(MODEL, request) for request in asked}) == len(asked)
    assert request_key(MODEL, Request.of("x", intent="i", facts={"a": 1})) == request_key(MODEL, asked[0])
    same = Request.of("x", sampling=Sampling(temperature=0, max_tokens=64))  # an int is the same number
    assert request_key(MODEL, same) == request_key(MODEL, asked[0])


def test_facts_count_for_a_teacher_that_answers_by_them() -> None:
    keys = {
        request_key(StarterTeacher(), Request.of("x", intent=i, facts={"a": a})) for i in "ij" for a in (1, 2)
    }
    assert len(keys) == 4


@settings(max_examples=50, deadline=None)
@given(
    st.text(), st.text(), st.integers(0, 2**64 - 1), st.dictionaries(st.text(), st.floats(-9, 0), max_size=3)
)
def test_any_text_comes_back_as_it_went(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, text: str, tokens: int, tops: dict[str, float]
) -> None:
    store = AnswerStore(tmp_path_factory.mktemp("store") / "a.sqlite")
    answer = Completion(text, Usage(tokens, 1), "stop", "m", False, tops)
    key = request_key(MODEL, Request.of(prompt))
    keep(store, key, answer, prompt)
    found = store.find(key)
    assert found is not None and (found.text, found.usage, dict(found.first_logprobs)) == (
        text,
        answer.usage,
        tops,
    )
    store.close()


def test_broken_unicode_is_kept_too(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "a.sqlite")
    request = Request.of("half an emoji \ud83d")
    key = request_key(MODEL, request)
    asyncio.run(store.put(key, request, Completion("\ud83d again")))
    found = store.find(key)
    assert found is not None and found.text == "\ufffd again"
    store.close()


def test_the_first_answer_stands(tmp_path: Path) -> None:
    one, two = AnswerStore(tmp_path / "a.sqlite"), AnswerStore(tmp_path / "a.sqlite")
    assert keep(one, "k", Completion("first")).text == "first"
    assert keep(two, "k", Completion("second")).text == "first"
    one.close(), two.close()


def test_asked_again_nothing_is_sent_whatever_else_changed(tmp_path: Path) -> None:
    store = tmp_path / "answers.sqlite"
    with Mock() as one, Mock() as two:
        ask_all(served(one.url), [f"p{n}" for n in range(50)], store=store)
        assert len(one.asked) == 50
        ask_all(served(two.url, in_flight=2), [f"p{n}" for n in range(50)], store=store, step="another")
        assert len(two.asked) == 0
        ask_all(served(two.url), [f"p{n}" for n in range(60)], store=store)
        assert sorted(two.prompts) == [f"p{n}" for n in range(50, 60)]


def test_export_and_import_give_the_same_store(tmp_path: Path) -> None:
    store, copy = AnswerStore(tmp_path / "a.sqlite"), AnswerStore(tmp_path / "b.sqlite")
    for number in range(5):
        keep(store, f"{number:032d}", Completion(f"text {number}", model="m" if number else "other"))
    assert store.export_jsonl(tmp_path / "all.jsonl") == 5
    assert store.export_jsonl(tmp_path / "some.jsonl", model="m") == 4
    assert copy.import_jsonl(tmp_path / "some.jsonl") == 4
    assert copy.import_jsonl(tmp_path / "all.jsonl") == 1
    assert copy.find(f"{3:032d}") == store.find(f"{3:032d}")
    store.close(), copy.close()


def test_a_line_that_is_no_answer_is_named(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "a.sqlite")
    keep(store, "k")
    path = tmp_path / "all.jsonl"
    store.export_jsonl(path)
    path.write_text(path.read_text() + '{"key": "x"}\n')
    with pytest.raises(DataError, match=r"all\.jsonl:2"):
        store.import_jsonl(path)
    store.close()


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not answers " * 100)
    with pytest.raises(DataError, match="not a database"):
        AnswerStore(path)
    assert path.read_text().startswith("these are notes")


def test_forgotten_answers_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with Mock() as server:
        ask_all(served(server.url), ["a", "b"], store=path)
        store = AnswerStore(path)
        assert store.forget([request_key(served(server.url), Request.of("a"))]) == 1
        store.close()
        ask_all(served(server.url), ["a", "b"], store=path)
        assert Counter(server.prompts) == {"a": 2, "b": 1}


def test_a_full_disk_is_said_clearly_and_breaks_nothing(tmp_path: Path) -> None:
    """A child whose files may not grow past 200 kB: the operating system refuses, as a full disk does."""
    path = tmp_path / "a.sqlite"
    child = f"""
import asyncio, resource, signal
from pathlib import Path
from tunesmith.errors import DataError
from tunesmith.requests import Completion, Request
from tunesmith.llm.store import AnswerStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
store = AnswerStore(Path({str(path)!r}))
for number in range(1000):
    try:
        asyncio.run(store.put(str(number), Request.of("x" * 1000), Completion("y" * 1000)))
    except DataError as error:
        print(number)
        print(error)
        break
"""
    ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    stored, *said = ran.stdout.splitlines()
    assert "the answer store cannot be used" in said[0] and "disk space" in said[1]
    store = AnswerStore(path)
    assert len(store) == int(stored) > 10
    assert all(store.find(str(number)) for number in range(int(stored)))
    keep(store, "after")
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_when_the_store_is_full_the_client_says_so_and_no_row_counts(tmp_path: Path) -> None:
    with Mock(lambda _: Reply(text="long " * 2000)) as server:
        child = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from llm_world import ask_all, served
from tunesmith.errors import DataError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
model, store = served({server.url!r}, in_flight=8), Path({str(tmp_path / "a")!r})
try:
    ask_all(model, [str(n) for n in range(200)], store=store)
except DataError as error:
    print(error)
"""
        ran = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
        assert "what was stored is kept" in ran.stdout
        before = len(server.asked)
        store = AnswerStore(tmp_path / "a")
        stored = len(store)
        store.close()
        answers = ask_all(served(server.url), [str(n) for n in range(200)], store=tmp_path / "a")
        assert len(answered(answers)) == 200
        assert len(server.asked) - before == 200 - stored


CHILD = """
import sys
import threading
sys.path[:0] = {path!r}
from pathlib import Path
from llm_world import ask_all, served
from tunesmith.llm.costs import Costs
ask_all(served({url!r}, in_flight={in_flight}, price={{"input": 1, "output": 1}}),
        [f"prompt {{n}}" for n in range({count})], store=Path({store!r}), bill=Costs(run="killed"))
"""


def test_killed_at_half_no_more_is_paid_twice_than_was_under_way(tmp_path: Path) -> None:
    in_flight, store = 50, tmp_path / "answers.sqlite"
    with Mock() as server:
        child = CHILD.format(path=sys.path, url=server.url, in_flight=in_flight, store=str(store), count=1000)
        started = subprocess.Popen([sys.executable, "-c", child])

        def behave(asked: Any) -> Reply:
            if asked.number == 500:
                os.kill(started.pid, signal.SIGKILL)
            return Reply(text=f"answer to {asked.prompt}", delay=0.01)

        server.behaviour = behave
        assert started.wait() == -signal.SIGKILL
        assert 500 < len(server.asked) < 700
        bill = Costs(run="killed")
        answers = answered(
            ask_all(served(server.url), [f"prompt {n}" for n in range(1000)], store=store, bill=bill)
        )
        assert [answer.text for answer in answers] == [f"answer to prompt {n}" for n in range(1000)]
        twice = [prompt for prompt, times in Counter(server.prompts).items() if times > 1]
        assert len(twice) <= in_flight
        assert len(server.asked) == 1000 + len(twice)
    kept = AnswerStore(store)
    assert kept.charges("killed").total().answers == 1000  # the bill and the answers agree, kill or not
    kept.close()


def test_two_processes_share_one_store(tmp_path: Path) -> None:
    with Mock() as server:
        child = CHILD.format(
            path=sys.path, url=server.url, in_flight=20, store=str(tmp_path / "a"), count=300
        )
        both = [subprocess.Popen([sys.executable, "-c", child]) for _ in range(2)]
        assert [process.wait() for process in both] == [0, 0]
        store = AnswerStore(tmp_path / "a")
        assert len(store) == 300
        assert store.charges("killed").total().answers == len(server.asked)
        store.close()


def test_many_may_open_a_new_store_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(20):
        together = threading.Barrier(8)

        def opened(_: int, path: Path = tmp_path / str(number), start: threading.Barrier = together) -> int:
            start.wait()
            with closing(AnswerStore(path)) as store:
                return len(store)

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(opened, range(8))) == [0] * 8


def test_the_book_of_a_run_is_part_of_the_store(tmp_path: Path) -> None:
    price = {"input": 1, "output": 2}
    with Mock() as server:
        for step in ("one", "two"):
            model = served(server.url, price=price)
            ask_all(
                model, [f"{step} {n}" for n in range(3)], store=tmp_path / "a", bill=Costs(run="r"), step=step
            )
    store = AnswerStore(tmp_path / "a")
    bill = store.charges("r")
    assert bill.of_step("one").answers == 3 and bill.usd == pytest.approx(6 * (250 + 2 * 20) / 1e6)
    assert [step for step, _ in bill.lines] == ["one", "two"]
    assert not store.charges("another").lines
    store.close()
