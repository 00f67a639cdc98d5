"""``use: hf``: a model in the Hugging Face layout, from a folder or from the hub, run in this process.

Also how a checkpoint of a training step is opened: then ``fingerprint`` says which one it is, and the
template comes from the folder.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ..errors import SetupError
from ..llm.local.batching import Batching
from ..llm.local.generation import Local
from ..llm.local.threads import quiet
from ..llm.model import Backend, Model
from ..llm.template import TEMPLATES, Template, agreed, known, saved

Dtype = Literal["auto", "float32", "bfloat16", "float16", "float64"]


class Hf(Model):
    """A causal language model whose weights we hold; it can be trained and asked."""

    model: str
    """A folder (relative to the recipe's), or a name on the hub (``bigcode/starcoder``)."""
    revision: str = "main"
    """Branch, tag or commit on the hub."""
    template: Annotated[str | Template | None, AfterValidator(known)] = None
    """Prompt template. Left out: the checkpoint's own, else the tokenizer's chat template, else alpaca."""
    dtype: Dtype = "auto"
    """Of the weights. auto: bfloat16 on a GPU, float32 on a CPU."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, ``mps``; auto takes the first that is available."""
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    """Attention implementation of transformers."""
    batch_size: int = Field(default=64, gt=0)
    """Most sequences generated at once."""
    fingerprint: str = ""
    """Identifies the weights in the answer store; a run sets it for the checkpoints that it trained."""

    def identity(self) -> str:
        """Who answers: the weights, how they are asked and how they are computed."""
        template = self.template if isinstance(self.template, str) else repr(self.template)
        return f"hf {self.fingerprint or self._weights()} template={template} dtype={self.dtype}"

    def folder(self) -> Path | None:
        """Where the weights lie on this machine; None for a name on the hub."""
        path = self.path(self.model)
        meant = self.model.startswith((".", "/", "~")) or self.model.count("/") > 1
        return path if meant or path.is_dir() else None

    def label(self) -> str:
        """The name that replies and rows carry: of the hub, or of the folder, never where that folder is.

        A run's checkpoint has the name of its training step, so the same run elsewhere gives the same rows.
        """
        folder = self.folder()
        if folder is None:
            return self.model
        folder = folder.resolve()
        return folder.parent.name if folder.name == "checkpoint" else folder.name

    def place(self) -> str:
        """What transformers and vLLM load."""
        return str(self.folder() or self.model)

    def connect(self) -> Backend:
        return Batching(self.open)

    def open(self) -> Local:
        """The loaded model with its tokenizer and template, ready to be asked. See ``load``."""
        model, tokenizer = self.load()
        return Local(model, tokenizer, self.prompting(tokenizer), self.label(), self.batch_size)

    def load(self) -> tuple[Any, Any]:
        """(transformers model on its device, tokenizer).

        Raises:
            SetupError: transformers is missing, or there is no such model here or on the hub.
        """
        try:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
        except ModuleNotFoundError as error:
            raise _missing(self.model, error) from error
        folder = self.folder()
        if folder is not None and not folder.is_dir():
            fix = "give an existing folder, or a name on the hub such as org/name"
            raise SetupError(f"model {self.model}", "no such folder", fix)
        device = best_device() if self.device == "auto" else self.device
        auto = torch.bfloat16 if device.startswith("cuda") else torch.float32
        dtype = auto if self.dtype == "auto" else getattr(torch, self.dtype)
        place = self.place()
        try:
            with quiet():
                tokenizer = AutoTokenizer.from_pretrained(place, revision=self.revision)
                model = AutoModelForCausalLM.from_pretrained(
                    place, revision=self.revision, dtype=dtype, attn_implementation=self.attention
                )
        except (OSError, ValueError) as error:
            raise _unavailable(self.model, error) from error
        return model.to(device), tokenizer

    def prompting(self, tokenizer: Any) -> Template:
        """The template that this model is asked and, unless a step says otherwise, trained with."""
        folder = self.folder()
        carried = saved(folder) if folder is not None else None
        template = agreed(f"model {self.model}", self.template, carried)
        if template is not None:
            return template
        return TEMPLATES["chat" if getattr(tokenizer, "chat_template", None) else "alpaca"]

    def _weights(self) -> str:
        folder = self.folder()
        if folder is None:
            return f"{self.model}@{self.revision}"
        files = sorted(path for path in folder.glob("*") if path.is_file())
        facts = [(path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]
        return hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def best_device() -> str:
    """The first device of this machine: cuda, mps or cpu."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _missing(model: str, error: ModuleNotFoundError) -> SetupError:
    problem = f"local models need {error.name!r}, which is not installed"
    return SetupError(f"model {model}", problem, "pip install 'tunesmith[train]'")


def _unavailable(model: str, error: Exception) -> SetupError:
    said = " ".join(str(error).split())[:300]
    fix = (
        "check the name, and that this machine reaches the hub (HF_TOKEN for gated models); "
        "offline, give a folder that holds the model"
    )
    return SetupError(f"model {model}", f"cannot be loaded: {said}", fix)
