"""``use: vllm``: a vLLM engine inside this process, where vLLM is installed.

For a machine with GPUs and no server to manage. A vLLM *server* is ``use: openai`` with its ``base_url``, and
can also serve several runs and machines. Prompts are rendered by our own template, as for ``use: hf``, so a
checkpoint sees prompts as in its training.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from ..chance import number
from ..errors import SetupError
from ..llm.model import Backend, Model
from ..llm.request_errors import Permanent
from ..llm.store_entry import key_maker
from ..llm.template import Template, known
from ..requests import Completion, Request, Usage
from ..sample import Json
from .hf import Hf

if TYPE_CHECKING:
    from collections.abc import Callable


class Vllm(Model):
    """A causal language model run by vLLM in this process."""

    model: str = Field(min_length=1)
    """A folder, or a name on the hub."""
    revision: str = "main"
    """Branch, tag or commit on the hub."""
    template: Annotated[str | Template | None, AfterValidator(known)] = None
    """Prompt template. Left out: the checkpoint's own, else the tokenizer's chat template, else alpaca."""
    in_flight: int = Field(default=512, gt=0)
    """Most requests given to the engine at once; it batches them itself."""
    max_length: int | None = Field(default=None, gt=0)
    """Longest prompt and reply together, tokens; None takes the model's own."""
    gpus: int = Field(default=1, gt=0)
    """GPUs that share the model (tensor parallel)."""
    memory_share: float = Field(default=0.9, gt=0, le=1)
    """Share of each GPU's memory that the engine may take."""
    engine: Mapping[str, Json] = Field(default_factory=dict)
    """Further arguments of vLLM's engine, e.g. {quantization: fp8}."""

    def identity(self) -> str:
        """The weights, the prompt template and the further arguments of the engine."""
        more = f" {dict(self.engine)}" if self.engine else ""
        return f"vllm {self.weights().identity().removeprefix('hf ')}{more}"

    def weights(self) -> Hf:
        """The same weights as ``use: hf`` opens them; gives tokenizer rules and template."""
        weights = Hf(model=self.model, revision=self.revision, template=self.template)
        return weights.at(self.path(""))

    def connect(self) -> Backend:
        """A backend that starts the engine when it is entered."""
        return _Engine(self)


class _Engine:
    """The live side of ``Vllm``."""

    def __init__(self, model: Vllm) -> None:
        self._model = model
        self._numbers = count()
        self._key: Callable[[Request], str] = key_maker(model)
        self._engine: Any = None

    async def __aenter__(self) -> _Engine:
        """Start the engine. Raises SetupError where vLLM is missing or cannot start."""
        given = self._model
        vllm = _vllm(given.model)
        from transformers import AutoTokenizer

        weights = given.weights().place()
        options = {
            "model": weights, "revision": given.revision, "tensor_parallel_size": given.gpus,
            "gpu_memory_utilization": given.memory_share, "max_model_len": given.max_length,
            "generation_config": "vllm",  # ignore the decoding that a checkpoint prescribes
        }  # fmt: skip
        try:
            arguments = vllm.AsyncEngineArgs(**options | dict(given.engine))
            self._engine = vllm.AsyncLLMEngine.from_engine_args(arguments)
            revision = {"revision": given.revision}
            self._tokenizer = await asyncio.to_thread(AutoTokenizer.from_pretrained, weights, **revision)
        except (ValueError, RuntimeError, OSError, TypeError) as error:
            said = " ".join(str(error).split())[:300]
            fix = "check the model, the GPU's memory (memory_share, max_length) and `engine`"
            raise SetupError(f"model {given.model}", f"vLLM cannot start: {said}", fix) from error
        self._template = given.weights().prompting(self._tokenizer)
        self._room = int(self._engine.model_config.max_model_len)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._engine is not None:
            self._engine.shutdown()
            self._engine = None

    async def complete(self, request: Request) -> Completion:
        """The engine's reply. Raises Permanent where the prompt alone fills the context."""
        prompt = self._template.prompt(request.messages, self._tokenizer)
        (ids,) = self._template.prompt_ids([prompt], self._tokenizer)
        if len(ids) >= self._room:
            raise Permanent("prompt too long", f"{len(ids)} tokens; the model takes {self._room}")
        how = self._sampling(request, self._room - len(ids))
        replies = self._engine.generate({"prompt_token_ids": ids}, how, f"{next(self._numbers)}")
        try:
            finished = [reply async for reply in replies]
        except (
            ValueError
        ) as error:  # what vLLM's own server answers with 400, such as a schema it cannot obey
            raise Permanent("refused 400", f"vLLM: {' '.join(str(error).split())[:300]}") from error
        return completion_of(finished[-1], self._model.model)

    def _sampling(self, request: Request, room: int) -> Any:
        import vllm
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        how = request.sampling
        schema = (
            {"structured_outputs": StructuredOutputsParams(json=dict(request.schema))}
            if request.schema
            else {}
        )
        return vllm.SamplingParams(
            temperature=how.temperature, top_p=how.top_p, max_tokens=min(how.max_tokens or room, room),
            stop=list(how.stop), stop_token_ids=self._template.stop_ids(self._tokenizer),
            seed=number(0, self._key(request)) % 2**31, logprobs=request.logprobs or None,
            output_kind=RequestOutputKind.FINAL_ONLY, **schema,
        )  # fmt: skip


def completion_of(reply: Any, model: str) -> Completion:
    """A finished ``RequestOutput`` of vLLM as a completion."""
    output = reply.outputs[0]
    first = output.logprobs[0].values() if output.logprobs else ()
    return Completion(
        text=output.text,
        usage=Usage(len(reply.prompt_token_ids), len(output.token_ids), reply.num_cached_tokens or 0),
        finish_reason=output.finish_reason or "stop",
        model=model,
        first_logprobs={choice.decoded_token: float(choice.logprob) for choice in first},
    )


def _vllm(model: str) -> Any:
    try:
        import vllm
    except ImportError as error:
        problem = f"vLLM cannot be imported ({error})"
        fix = "pip install vllm on a machine with a GPU; or serve the model: `use: openai` with a base_url"
        raise SetupError(f"model {model}", problem, fix) from error
    return vllm
