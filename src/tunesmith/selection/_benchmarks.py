"""The benchmarks that a selection step compares rows with: where their data is, and which version."""

from __future__ import annotations

from ..benchmarks import data_version
from ..errors import UserError
from ..step import Context


def data_place(data: str | None, ctx: Context) -> str | None:
    """A step's ``data`` as the loaders want it: a path, ``hub``, or None for the copy that is kept."""
    return data if data in (None, "hub") else str(ctx.path(str(data)))


def versions(against: tuple[str, ...], data: str | None, ctx: Context) -> str:
    """The versions of the benchmarks' data.

    Raises: UserError where one is unknown or its data is missing.
    """
    try:
        return " ".join(data_version(name, data_place(data, ctx)) for name in against)
    except UserError as error:
        where = f"steps.{ctx.step}.against" if error.where == "benchmarks" else error.where
        raise type(error)(where, error.problem, error.fix) from error
