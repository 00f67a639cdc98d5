"""A step's rows in the formats that trainers and the hub read: JSON Lines, or flat Parquet.

Every row keeps its id, source and licence. Rows without an instruction or an answer are left out and counted,
except in Parquet. Parquet has columns of plain values only, as the hub's viewer wants it. Columns that a
source keeps (``keep: [difficulty]``) come out under their own names; the rest of ``meta`` is not exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import UserError, nearest
from ..files import whole_file
from ..recipe.yaml import read_document
from ..rows import Table
from ..runs.run_folder import RunFolder, StepFolder
from ..sample import Sample

Shape = Literal["alpaca", "messages", "sharegpt", "prompt_completion", "parquet"]
FLAT = pa.schema(
    [
        (name, pa.string())
        for name in (
            "id",
            "instruction",
            "answer",
            "system",
            "task",
            "language",
            "code",
            "tests",
            "source",
            "license",
            "parents",
            "step",
        )
    ]
    + [("draw", pa.int32()), ("weight", pa.float64()), ("verdicts", pa.string())]
)
_GROUP = 4096


@dataclass(frozen=True, slots=True)
class Exported:
    """Where the rows went, how many there are, and how many had no instruction or no answer."""

    path: Path
    rows: int
    left_out: int


def export(target: str, to: Path, shape: str = "messages") -> Exported:
    """Write the rows of ``RUN/STEP``, or its dropped rows ``RUN/STEP.dropped``, to a file, all or nothing.

    to: the file; its folder is made if it does not exist.

    Raises:
        UserError: no such run, step or format; no row that the format can hold; the folder cannot be made.
    """
    if shape not in get_args(Shape):
        raise UserError("--as", f"unknown format {shape!r}", nearest(shape, get_args(Shape)))
    folder, dropped = located(target)
    table = Table(folder.drops() if dropped else folder.rows())
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"the folder {to.parent} cannot be made: {error.strerror}"
        raise UserError("--to", problem, "name another file") from error
    columns = _kept_columns(folder)
    with whole_file(to) as sink:
        rows = (
            _as_parquet(table, sink, columns)
            if shape == "parquet"
            else _as_lines(table, sink, SHAPES[shape], columns)
        )
        if not rows:
            raise UserError(
                target,
                f"none of its {len(table):,} rows can be written as {shape}",
                "rows need an instruction and an answer; --as parquet takes any row",
            )
    return Exported(to, rows, len(table) - rows)


def located(target: str) -> tuple[StepFolder, bool]:
    """The step folder that ``RUN/STEP[.dropped]`` names, and whether its dropped rows are meant.

    Raises:
        FolderError: there is no such run or step.
    """
    path, dropped = Path(target.removesuffix(".dropped")), target.endswith(".dropped")
    run = next((parent for parent in path.parents if (parent / "run.json").is_file()), path.parent)
    return RunFolder.open(run).find(str(path.relative_to(run))), dropped


def _kept_columns(folder: StepFolder) -> dict[str, str]:
    """Key of ``meta`` -> name in the export, for every column that a source of the run keeps."""
    run = next(parent for parent in folder.path.parents if (parent / "run.json").is_file())
    recipe = read_document((run / "recipe.yaml").read_text(encoding="utf-8"), "recipe.yaml").data
    lists = [step.get("keep") for step in recipe["steps"].values()]
    names = [name for names in lists if isinstance(names, list) for name in names]
    taken = {*FLAT.names, "messages", "conversations", "prompt", "completion", "input", "output"}
    return {name: f"keep.{name}" if name in taken else name for name in names}


def _kept(sample: Sample, columns: Mapping[str, str]) -> dict[str, Any]:
    return {columns[key]: sample.meta[key] for key in columns if key in sample.meta}


def _as_lines(
    table: Table, sink: BinaryIO, shaped: Callable[[Sample], dict[str, Any]], columns: Mapping[str, str]
) -> int:
    count = 0
    for sample in table:
        if sample.instruction and sample.answer:
            row = shaped(sample) | _origin(sample) | _kept(sample, columns)
            sink.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count


def _origin(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "task": sample.task,
        "language": sample.language,
        "source": sample.source,
        "license": sample.license,
    }


def _alpaca(sample: Sample) -> dict[str, Any]:
    system = {"system": sample.system} if sample.system else {}
    return {"instruction": sample.instruction, "input": "", "output": sample.answer, **system}


def _turns(sample: Sample, system: str, user: str, answer: str) -> Iterator[tuple[str, str]]:
    if sample.system:
        yield system, sample.system
    yield user, sample.instruction
    yield answer, sample.answer


def _messages(sample: Sample) -> dict[str, Any]:
    turns = _turns(sample, "system", "user", "assistant")
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def _sharegpt(sample: Sample) -> dict[str, Any]:
    turns = _turns(sample, "system", "human", "gpt")
    return {"conversations": [{"from": who, "value": text} for who, text in turns]}


def _prompt_completion(sample: Sample) -> dict[str, Any]:
    prompt = f"{sample.system}\n\n{sample.instruction}" if sample.system else sample.instruction
    return {"prompt": prompt, "completion": sample.answer}


SHAPES: dict[str, Callable[[Sample], dict[str, Any]]] = {
    "alpaca": _alpaca,
    "messages": _messages,
    "sharegpt": _sharegpt,
    "prompt_completion": _prompt_completion,
}


def _as_parquet(table: Table, sink: BinaryIO, columns: Mapping[str, str]) -> int:
    rows, count = iter(table), 0
    schema = pa.schema([*FLAT, *((name, pa.string()) for name in columns.values())])
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        while group := [_flat(sample) | _as_text(_kept(sample, columns)) for sample in islice(rows, _GROUP)]:
            writer.write_table(pa.Table.from_pylist(group, schema))
            count += len(group)
    return count


def _as_text(kept: dict[str, Any]) -> dict[str, str]:
    texts = {key: orjson.dumps(value).decode() for key, value in kept.items() if not isinstance(value, str)}
    return kept | texts


def _flat(sample: Sample) -> dict[str, Any]:
    marks = {True: "passed", False: "failed", None: "unknown"}
    verdicts = [f"{v.by}: {marks[v.passed]}" for v in sample.verdicts]
    if "dropped" in sample.meta:
        verdicts.append(f"{sample.meta['dropped_by']}: dropped, {sample.meta['dropped']}")
    plain = {name: getattr(sample, name) for name in FLAT.names if name not in ("parents", "verdicts")}
    return plain | {"parents": " ".join(sample.parents), "verdicts": "; ".join(verdicts)}
