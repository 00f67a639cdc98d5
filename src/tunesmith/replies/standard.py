"""A reply in this project's own terms, whoever served it: one vocabulary of finish reasons, thoughts apart.

Every reply passes here once: in the client for steps, in ``scoring`` for models that run in this process.
"""

from __future__ import annotations

from dataclasses import replace

from ..requests import Completion
from .thoughts import split

_FINISH_REASONS = {
    "length": (
        "length", "max_tokens", "model_length", "max_output_tokens", "max_new_tokens", "max_length",
        "max_completion_tokens", "token_limit", "limit", "context_length", "context_window_exceeded",
        "model_context_window_exceeded", "abort", "aborted", "cancelled", "incomplete", "truncated",
        "canceled", "interrupted", "timeout", "error",
    ),
    "content_filter": (
        "content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content",
        "spii", "guardrail_intervened", "sensitive",
    ),
    "tool_calls": ("tool_calls", "tool_call", "tool_use", "function_call", "malformed_function_call"),
}  # fmt: skip
"""Ours, and what OpenAI, Mistral, Gemini, Anthropic, Bedrock, TGI, vLLM and others say for it."""
_OURS = {word: ours for ours, words in _FINISH_REASONS.items() for word in words}


def standard(completion: Completion) -> Completion:
    """``completion`` with its finish reason in our words, and its thoughts moved to ``reasoning``.

    A whole reply keeps the server's own word (``stop``, ``end_turn``). One that ends inside its thoughts was
    cut off. What is standard already stays as it is.
    """
    parts = split(completion.text)
    finish = _finish(completion.finish_reason) if parts.closed else "length"
    if parts.answer is completion.text and finish == completion.finish_reason:
        return completion
    reasoning = "\n\n".join(filter(None, (completion.reasoning, parts.thoughts)))
    return replace(completion, text=parts.answer, finish_reason=finish, reasoning=reasoning)


def _finish(said: str) -> str:
    word = said.rpartition(".")[2].strip().lower().replace("-", "_").replace(" ", "_")
    return _OURS.get(word, said)
