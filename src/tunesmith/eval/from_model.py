"""Scores of a model or an endpoint: the step ``evaluation.pass_at_k`` without a run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from ..errors import DataError, UserError
from ..evaluation.pass_at_k import PassAtK
from ..llm.client import Client
from ..llm.costs import Costs
from ..llm.model import Model
from ..llm.store import AnswerStore, default_store
from ..models.hf import Hf
from ..models.openai import OpenAI
from ..results import Score
from ..scoring.score import Candidate
from ..step import Context, Resources


class Addressed(OpenAI):
    """An endpoint that was named by its address: at another address is another model."""

    def identity(self) -> str:
        """As in a recipe, and the address: answers are kept under both."""
        return f"{super().identity()} at {self._address()}"

    def engine(self) -> str:
        """What a protocol calls it."""
        return f"openai at {self._address()}"

    def _address(self) -> str:
        """The address in one way of writing it; it holds no key, since ``base_url`` takes none."""
        parts = urlsplit(self.base_url[0])
        return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def score_model(
    target: str, names: Sequence[str], fields: Mapping[str, Any], resources: Resources
) -> list[tuple[list[Score], list[Candidate]]]:
    """For each benchmark, its scores and what was tried. Answers are kept in the answer store.

    target: a model's folder or its name on the hub; or ``openai:MODEL``, ``openai:MODEL@BASE_URL``.
    fields: those of the step, as ``tunesmith eval`` has them.

    Raises:
        UserError: no such model or endpoint, or a field makes no sense.
    """
    model = model_of(target)
    step = _step(names, fields)
    bill = Costs()
    with contextlib.closing(AnswerStore(default_store())) as store:
        ctx = Context(
            "eval",
            home=Path.cwd(),
            model=model,
            resources=resources,
            client=lambda: Client(model, store, bill, "eval"),
        )
        return step.scored(ctx)


def _step(names: Sequence[str], fields: Mapping[str, Any]) -> PassAtK:
    extraction = fields["extraction"] or "fence_first"
    try:
        return PassAtK.model_validate({**fields, "extraction": extraction, "benchmarks": tuple(names)})
    except ValidationError as error:
        first = error.errors()[0]
        where = (
            "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-") if first["loc"] else "eval"
        )
        raise UserError(where, first["msg"], "see `tunesmith eval --help`") from error


def _means_a_path(target: str) -> bool:
    """Whether ``target`` can be no name on the hub, which is ``MODEL`` or ``OWNER/MODEL``."""
    return (
        target.startswith((".", "/", "~"))
        or target.endswith((".jsonl", ".json", ".gz", ".zip", "/"))
        or target.count("/") > 1
    )


def model_of(target: str) -> Model:
    kind, _, rest = target.partition(":")
    if kind == "openai" and rest:
        name, _, url = rest.partition("@")
        try:
            if url:
                return Addressed(model=name, base_url=(url,))
            return OpenAI(model=name)
        except ValidationError as error:
            raise UserError(target, error.errors()[0]["msg"], "openai:MODEL@http://host:port/v1") from error
    path = Path(target).expanduser()
    if not path.exists() and _means_a_path(target):
        fix = "give a samples file, a model's folder, a hub name, or openai:MODEL@BASE_URL"
        raise DataError(target, "no such file or folder", fix)
    return Hf(model=target)
