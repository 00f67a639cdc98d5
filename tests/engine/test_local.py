"""The local engine: the same rows whatever the workers and whoever answers first; nothing gets lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acme.asker import Asker
from acme.chancy import Chancy
from acme.echo import Echo
from acme.faulty import Faulty
from acme.fragments import Fragments
from acme.raising import Raising
from acme.reverse import Reverse

from tunesmith.engine import Chunk, StepJob
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import StepError
from tunesmith.llm.client import Client
from tunesmith.llm.costs import Costs
from tunesmith.llm.store import AnswerStore
from tunesmith.llm.store_entry import request_key
from tunesmith.requests import Completion, Failure, Request
from tunesmith.rows import Table, write_rows
from tunesmith.sample import Sample, Verdict
from tunesmith.step import Context, Step
from tunesmith.synthesis.self_evaluate import SelfEvaluate


def table_of(folder: Path, count: int) -> Table:
    rows = [Sample.born("n", instruction=f"row {n}") for n in range(count)]
    path = folder / f"rows-{count}.parquet"
    write_rows(path, rows, {})
    return Table([path])


def drive(
    step: Step, rows: Table, workers: int = 1, start: int = 0, client: Callable[[], Any] | None = None
) -> list[Chunk]:
    with LocalEngine(workers) as engine:
        return list(engine.drive(StepJob(step, Context("s", seed=3, client=client), rows, start)))


def flat(chunks: list[Chunk]) -> tuple[list[Sample], list[tuple[Sample, str]]]:
    drops = [(drop.sample, drop.reason) for chunk in chunks for drop in chunk.drops]
    return [row for chunk in chunks for row in chunk.rows], drops


@pytest.fixture
def echo(tmp_path: Path) -> Iterator[Callable[..., Callable[[], Client]]]:
    store = AnswerStore(tmp_path / "answers.sqlite")

    def make(
        stored: bool = False, failed: dict[str, Failure] | None = None, **fields: Any
    ) -> Callable[[], Client]:
        return lambda: Client(Echo(**fields), store if stored else None, Costs(), "s", failed)

    yield make
    store.close()


def test_workers_do_not_change_the_rows(tmp_path: Path) -> None:
    rows = table_of(tmp_path, 5000)
    alone, pooled = drive(Chancy(), rows, workers=1), drive(Chancy(), rows, workers=3)
    assert (
        [(c.start, c.stop) for c in alone] == [(c.start, c.stop) for c in pooled] == [(0, 4096), (4096, 5000)]
    )
    assert flat(alone) == flat(pooled)


def test_the_order_of_answers_does_not_change_the_rows(
    tmp_path: Path, echo: Callable[..., Callable[[], Client]]
) -> None:
    rows = table_of(tmp_path, 1500)
    results = [
        flat(drive(Asker(draws=2), rows, client=echo(shuffle=seed, in_flight=width)))
        for seed, width in ((0, 1), (1, 64), (2, 7))
    ]
    assert results[0] == results[1] == results[2]
    kept, dropped = results[0]
    assert len(kept) == 2 * (1500 - len(dropped)) and {reason for _, reason in dropped} == {"refused"}


def test_an_ask_step_that_asks_nothing_runs_without_a_client(tmp_path: Path) -> None:
    step = SelfEvaluate(labels="verdicts")
    rows = [Sample.born("n", instruction=f"row {n}", answer="x") for n in range(600)]
    write_rows(tmp_path / "rows.parquet", [row.judged(Verdict("run", passed=True)) for row in rows], {})
    kept, dropped = flat(drive(step, Table([tmp_path / "rows.parquet"])))
    assert [row.parents for row in kept] == [(row.id,) for row in rows] and not dropped


def test_an_ask_step_that_asks_all_the_same_is_stopped_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"steps\.s: asks a model, but its `needs`"):
        drive(Asker(), table_of(tmp_path, 3))


@pytest.mark.parametrize("start", [0, 1, 777, 1499, 1500])
def test_an_ask_step_can_go_on_from_any_row(
    tmp_path: Path, echo: Callable[..., Callable[[], Client]], start: int
) -> None:
    rows = table_of(tmp_path, 1500)
    whole, _ = flat(drive(Asker(draws=1), rows, client=echo()))
    part, _ = flat(drive(Asker(draws=1), rows, start=start, client=echo(shuffle=5)))
    assert part == whole[len(whole) - len(part) :]


def test_every_input_row_comes_out_or_is_dropped(tmp_path: Path) -> None:
    rows = table_of(tmp_path, 300)
    kept, dropped = flat(drive(Raising(on="7", silent="5"), rows))
    reasons = [reason for _, reason in dropped]
    assert len(kept) + len(dropped) == 300
    assert reasons.count("raised ValueError") == 30 and reasons.count("yielded nothing") == 30
    assert dropped[1][0].meta["raised"] == "ValueError: cannot bear row 7"


def test_a_step_that_raises_on_everything_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(
        StepError, match=r"steps\.s: raised on every row; the first: ValueError: cannot bear row 0"
    ):
        drive(Raising(on=""), table_of(tmp_path, 100))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_step_that_loses_a_row_is_stopped(tmp_path: Path, workers: int) -> None:
    with pytest.raises(StepError, match=r"steps\.s: 1 rows went in and did not come out"):
        drive(Faulty(how="lose"), table_of(tmp_path, 600), workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_batch_step_that_raises_names_itself(tmp_path: Path, workers: int) -> None:
    with pytest.raises(StepError, match=r"steps\.s: ValueError: out of order"):
        drive(Faulty(how="raise"), table_of(tmp_path, 600), workers)


def test_a_table_step_that_forgets_rows_is_stopped(tmp_path: Path) -> None:
    rows = table_of(tmp_path, 50)
    kept, dropped = flat(drive(Reverse(most=20), rows))
    assert (len(kept), len(dropped)) == (20, 30)
    with pytest.raises(StepError, match="50 rows went in, 20 came out or were dropped"):
        drive(Reverse(most=20, forget=True), rows)


def test_children_count_for_their_parents(tmp_path: Path) -> None:
    kept, dropped = flat(drive(Fragments(), table_of(tmp_path, 10)))
    assert len(kept) == 20 and not dropped
    assert len({sample.id for sample in kept}) == 20


class Refusing:
    """A client whose every third answer fails for good."""

    model = Echo()

    async def __aenter__(self) -> Refusing:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def answer(self, request: Request) -> Completion | Failure:
        number = int(request.messages[-1].content.split()[-1])
        return Failure("timeout", "no answer in 5 s", 4) if number % 3 == 0 else Completion("fine")


def test_a_failed_request_costs_its_row_only_and_says_why(tmp_path: Path) -> None:
    kept, dropped = flat(drive(Asker(draws=1), table_of(tmp_path, 30), client=Refusing))
    assert len(kept) == 20
    assert {reason for _, reason in dropped} == {"timeout"}
    assert dropped[0][0].meta == {"failure": "no answer in 5 s", "attempts": 4, "failed_in": "s"}


def test_a_request_that_failed_before_is_not_asked_again(
    tmp_path: Path, echo: Callable[..., Callable[[], Client]]
) -> None:
    rows, log = table_of(tmp_path, 30), tmp_path / "asked.log"
    model, ctx = Echo(), Context("s", seed=3)
    keys = [request_key(model, request) for row in rows for request in Asker(draws=1).ask(row, ctx)]
    failed = {key: Failure("refused 400", "no", 1, key) for key in keys[:10]}
    chunks = drive(Asker(draws=1), rows, client=echo(stored=True, failed=failed, log=str(log)))
    assert len(log.read_text().splitlines()) == 20
    assert [drop.reason for chunk in chunks for drop in chunk.drops].count("refused 400") == 10
    assert [failure for chunk in chunks for failure in chunk.failures] == list(failed.values())
    whole = drive(Asker(draws=1), rows, client=echo(stored=True, failed=dict(list(failed.items())[:1])))
    assert len(flat(whole)[0]) + len(flat(whole)[1]) == 30 and len(log.read_text().splitlines()) == 20
