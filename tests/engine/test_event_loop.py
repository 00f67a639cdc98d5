"""A run works where an event loop is already running: in Jupyter, in an async server."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path

import pytest

import tunesmith
from tunesmith.machine import OwnLoop

RECIPE = """
    name: small
    models:
      echo: {use: acme.echo}
    steps:
      numbers: {do: acme.numbers, count: 200}
      asked:   {do: acme.asker, with: echo}
"""


def test_a_run_inside_a_running_event_loop_gives_the_rows_of_one_outside(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(textwrap.dedent(RECIPE))

    async def cell() -> Path:
        return tunesmith.run(path, out=tmp_path / "inside").folder

    inside, outside = asyncio.run(cell()), tunesmith.run(path, out=tmp_path / "outside").folder
    ids = [[row.id for row in tunesmith.read(run, "asked")] for run in (inside, outside)]
    assert ids[0] == ids[1] and len(ids[0]) > 100


async def _value(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def _fails() -> int:
    raise ValueError("no")


@pytest.mark.parametrize("running", [False, True])
def test_its_coroutines_return_and_raise_in_one_loop(running: bool) -> None:
    def work() -> tuple[int, int, bool]:
        async def loop_of() -> int:
            return id(asyncio.get_running_loop())

        with OwnLoop() as loop:
            with pytest.raises(ValueError, match="no"):
                loop.run(_fails())
            return loop.run(_value(1)), loop.run(_value(2)), loop.run(loop_of()) == loop.run(loop_of())

    async def cell() -> tuple[int, int, bool]:
        return work()

    assert (asyncio.run(cell()) if running else work()) == (1, 2, True)
