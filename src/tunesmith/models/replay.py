"""``use: replay``: answers from a recording alone. No key, no network, the same answers every time.

A recording is the export of an answer store (``.jsonl``), or such a store. For tests, and to share an
experiment with someone who has no key: keep the recipe, replace ``use: openai`` by ``use: replay``, and leave
``model`` and the decoding settings unchanged, because answers are looked up by them.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path

from pydantic import Field

from ..errors import SetupError
from ..llm.model import Backend, Model
from ..llm.request_errors import Permanent
from ..llm.store import AnswerStore
from ..llm.store_entry import answer_of, read_jsonl, request_key
from ..requests import Completion, Request


class Replay(Model):
    """Recorded answers of another model."""

    model: str = Field(min_length=1)
    """The model that gave the recorded answers: ``model`` in the recipe they were recorded with."""
    answers: Path
    """The recording, relative to the recipe's folder: an export of an answer store (.jsonl), or a store."""

    def identity(self) -> str:
        """The recorded model's, so that its answers are found."""
        return self.model

    def connect(self) -> Backend:
        """A backend that reads the recording when it is entered."""
        return _Recording(self)


class _Recording:
    """The live side of ``Replay``."""

    def __init__(self, model: Replay) -> None:
        self._model = model
        self._known: dict[str, Completion] = {}

    async def __aenter__(self) -> _Recording:
        path = self._model.path(self._model.answers)
        if not path.exists():
            raise SetupError("models", f"{path} does not exist", "set `answers` to the recording")
        names = set()
        with ExitStack() as stack:
            if path.suffix == ".jsonl":
                entries = read_jsonl(path)
            else:
                entries = stack.enter_context(closing(AnswerStore(path))).entries()
            for entry in entries:
                names.add(entry["model"])
                if entry["model"] == self._model.model:
                    self._known[entry["key"]] = answer_of(entry["answer"])
        if not self._known:
            problem = f"{path} holds no answer of {self._model.model!r}"
            raise SetupError(
                "models", problem, f"it holds answers of: {', '.join(sorted(names)) or 'no model'}"
            )
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._known = {}

    async def complete(self, request: Request) -> Completion:
        """The recorded answer. Raises Permanent where there is none."""
        found = self._known.get(request_key(self._model, request))
        if found is None:
            start = request.messages[-1].content[:80] if request.messages else ""
            said = f"{self._model.answers} has no answer to this request (draw {request.draw}): {start!r}..."
            raise Permanent("not recorded", said)
        return found
