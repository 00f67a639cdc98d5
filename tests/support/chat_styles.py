"""Chat templates in the styles of well-known models, written anew: each has the feature its models have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunesmith.models.scratch import Scratch


@dataclass(frozen=True)
class Style:
    """jinja: the chat template.  tokens: what its tokenizer knows.  stop: what ends an answer."""

    jinja: str
    tokens: tuple[str, ...]
    stop: str
    bos: str | None = None

    def tokenizer(self) -> Any:
        """A small tokenizer with this chat template."""
        tokenizer = Scratch(vocab_size=300).tokenizer()
        tokenizer.add_special_tokens(
            {"additional_special_tokens": list(self.tokens)}, replace_extra_special_tokens=False
        )
        if self.bos:
            tokenizer.add_special_tokens({"bos_token": self.bos})
        tokenizer.chat_template = self.jinja
        return tokenizer


STYLES = {
    # texts are trimmed; two ends: of a turn, and of a text
    "llama3": Style(
        "{{- bos_token }}{%- for m in messages %}"
        "{{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' }}"
        "{{- m['content'] | trim + '<|eot_id|>' }}"
        "{%- endfor %}{%- if add_generation_prompt %}"
        "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}",
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<|eot_id|>",
        "<|begin_of_text|>",
    ),
    # a system text of its own; a line break after the end of a turn
    "qwen2.5": Style(
        "{%- if messages[0].role != 'system' %}"
        "{{- '<|im_start|>system\nBe helpful.<|im_end|>\n' }}{%- endif %}{%- for m in messages %}"
        "{{- '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}",
        ("<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
    ),
    # an empty thought before the last answer, which the generation prompt does not write
    "qwen3": Style(
        "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\n' }}"
        "{%- if m.role == 'assistant' and loop.last %}"
        "{{- '<think>\n\n</think>\n\n' + m.content.lstrip('\n') }}"
        "{%- else %}{{- m.content }}{%- endif %}{{- '<|im_end|>\n' }}{%- endfor %}"
        "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}",
        ("<|im_start|>", "<|im_end|>"),
        "<|im_end|>",
    ),
    # a blank before the answer; the system text is part of the last question
    "mistral": Style(
        "{%- set ns = namespace(system='') %}{{- bos_token }}{%- for m in messages %}"
        "{%- if m.role == 'system' %}{%- set ns.system = m.content + '\n\n' %}"
        "{%- elif m.role == 'user' %}{{- '[INST] ' + ns.system + m.content + '[/INST]' }}"
        "{%- else %}{{- ' ' + m.content | trim + eos_token }}{%- endif %}{%- endfor %}",
        ("[INST]", "[/INST]"),
        "<|end|>",
        "<s>",
    ),
    # refuses a system turn
    "gemma": Style(
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
        "{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}"
        "{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
        "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}",
        ("<start_of_turn>", "<end_of_turn>"),
        "<end_of_turn>",
        "<bos>",
    ),
    # roles as plain words; a blank before the answer
    "deepseek": Style(
        "{{ bos_token }}{% for m in messages %}"
        "{% if m['role'] == 'user' %}{{ 'User: ' + m['content'] + '\n\n' }}"
        "{% elif m['role'] == 'assistant' %}{{ 'Assistant: ' + m['content'] + eos_token }}"
        "{% else %}{{ m['content'] + '\n\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}",
        (),
        "<|end|>",
        "<|begin|>",
    ),
    # the generation prompt opens a thought that the conversation does not have
    "deepseek-r1": Style(
        "{{ bos_token }}{%- for m in messages %}"
        "{%- if m.role == 'user' %}{{ '<|User|>' + m.content }}"
        "{%- elif m.role == 'assistant' %}{{ '<|Assistant|>' + m.content.split('</think>')[-1] + eos_token }}"
        "{%- else %}{{ m.content }}{%- endif %}{%- endfor %}"
        "{%- if add_generation_prompt %}{{ '<|Assistant|><think>\n' }}{%- endif %}\n",
        ("<|User|>", "<|Assistant|>"),
        "<|end|>",
        "<|begin|>",
    ),
    # leaves a system text out without a word, and ends an answer with nothing
    "plain": Style(
        "{% for m in messages %}{% if m.role == 'user' %}Q: {{ m.content }}\nA: {% endif %}"
        "{% if m.role == 'assistant' %}{{ m.content }}\n{% endif %}{% endfor %}",
        (),
        "<|end|>",
    ),
}
