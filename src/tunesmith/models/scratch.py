"""``use: scratch``: a small Llama with random weights and a tokenizer trained when it is first needed.

The student of the starter world: it knows nothing before training, so everything that it can do afterwards
comes from the rows. Nothing is downloaded. Architecture, initialisation and checkpoint are transformers'
own, so a trained one is an ordinary Hugging Face model.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ..llm.local.batching import Batching
from ..llm.local.generation import Local
from ..llm.local.threads import quiet
from ..llm.model import Backend, Model
from ..llm.template import Template, find, known
from ..starter.world.corpus import corpus
from .hf import best_device

PAD, END = "<|pad|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|answer|>")
_SPLIT = r" ?[A-Za-z_]+|\d| ?[^\sA-Za-z_\d]+|\n *|\s+"
"""Pieces that no token crosses: a word with its blank, one digit, signs, a newline with its indent."""


class Scratch(Model):
    """An untrained Llama of about 0.9 million parameters (with the defaults) for the starter world."""

    hidden_size: int = Field(default=128, gt=0)
    """Width of the residual stream."""
    layers: int = Field(default=4, gt=0)
    """Transformer blocks."""
    heads: int = Field(default=4, gt=0)
    """Attention heads; hidden_size divides by it."""
    feed_forward: int = Field(default=344, gt=0)
    """Width of the gated feed-forward layer."""
    vocab_size: int = Field(default=512, ge=300)
    """Tokens, of which 256 are bytes and 5 are roles and end marks."""
    max_length: int = Field(default=512, gt=0)
    """Longest sequence, in tokens."""
    seed: int = 0
    """Of the random weights."""
    template: Annotated[str | Template, AfterValidator(known)] = "starter"
    """Prompt template."""
    max_tokens: int = Field(default=128, gt=0)
    """Longest reply, in tokens."""
    batch_size: int = Field(default=128, gt=0)
    """Most sequences generated at once."""

    @model_validator(mode="after")
    def _divides(self) -> Scratch:
        if self.hidden_size % (2 * self.heads):
            raise ValueError(f"hidden_size {self.hidden_size} must be an even multiple of heads {self.heads}")
        return self

    def identity(self) -> str:
        """Who answers: every setting that decides weights or replies, and the tokenizer's training texts."""
        return f"scratch {self._settings()!r} words={_texts_hash()}"

    def connect(self) -> Backend:
        return Batching(self.open)

    def open(self) -> Local:
        """The untrained model, ready to be asked."""
        model, tokenizer = self.load()
        return Local(model, tokenizer, self.prompting(tokenizer), "scratch (untrained)", self.batch_size)

    def prompting(self, tokenizer: Any) -> Template:
        """The template that this model is asked and trained with."""
        return find(self.template)

    def load(self) -> tuple[Any, Any]:
        """(model on the best device, tokenizer); always the same weights; global random state unchanged."""
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        tokenizer = self.tokenizer()
        config = LlamaConfig(
            hidden_size=self.hidden_size, num_hidden_layers=self.layers, num_attention_heads=self.heads,
            num_key_value_heads=self.heads, intermediate_size=self.feed_forward, vocab_size=self.vocab_size,
            max_position_embeddings=self.max_length, tie_word_embeddings=False,
            bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]), quiet():
            torch.manual_seed(self.seed)
            model = LlamaForCausalLM(config)
        return model.to(best_device()), tokenizer

    def tokenizer(self) -> Any:
        """A byte-level BPE tokenizer over the training texts of the starter world."""
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast(
            tokenizer_object=_trained_bpe(self.vocab_size), eos_token=END, pad_token=PAD,
            additional_special_tokens=list(ROLES), clean_up_tokenization_spaces=False,
        )  # fmt: skip

    def _settings(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude={"batch_size", "in_flight", "temperature", "top_p"})


@cache
def _texts() -> tuple[str, ...]:
    return tuple(corpus())


@cache
def _texts_hash() -> str:
    return hashlib.blake2b("\x1f".join(_texts()).encode(), digest_size=8).hexdigest()


def _trained_bpe(vocab_size: int) -> Any:
    """Byte-pair encoding (Sennrich et al. 2016) trained on the starter texts; it can encode any text."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, END, *ROLES], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(_texts(), trainer)
    return tokenizer
