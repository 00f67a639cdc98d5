"""Is a reply usable, empty, refused, cut off, or does it repeat words of the prompt?

All steps that read replies share these tests, so a drop reason means the same everywhere. Nothing here
raises, whatever the text.
"""

from __future__ import annotations

import re

from ..code.markdown import blocks
from ..code.words import prose_words
from ..requests import Completion

TOOL_CALL = "tool call (serve the model without tools)"
ONLY_REASONING = "only reasoning (lower the reasoning effort)"
CUT_OFF_REASONING = "cut off while reasoning (raise max_tokens)"

_REFUSAL = re.compile(
    r"(?:^|(?<=[.!?\n]))\W*(?:(?:i'?m|i am|we'?re|we are)\s+(?:very\s+|so\s+|really\s+)?"
    r"(?:sorry|afraid|unable|not able)"
    r"|(?:sorry|apologies|unfortunately)\b[\s,.!:;-]*(?:but\b|i\b|we\b|this\b|that\b|as\b|$)"
    r"|my apologies|i apologi[sz]e"
    r"|(?:i|we)\s+(?:can\s?no?t|can['’]t|could\s?n[o'’]t|won['’]t|will not|must decline|do not feel)"
    r"|as an? (?:ai|artificial|large language|language model))",
    re.IGNORECASE,
)
_REFUSAL_WORDS = 80
"""A refusal is short: WizardLM's rule looks at replies under 80 words (arXiv 2304.12244, sec. 3.2)."""

_LEAKS = re.compile(
    r"</?(?:task|answer|problem|instruction|prompt|reply|snippet|document)>"
    r"|\b(?:given|rewritten|evolved|original|created)[ _](?:prompt|instruction)s?\b\W*(?::|#|$)"
    r"|#\s*(?:given|rewritten|evolved|original|created) prompt"
    r"|\b(?:here is|here's|below is) (?:the|a|an|your) (?:rewritten|evolved|harder|new|more complex) "
    r"(?:task|instruction|prompt|version)",
    re.IGNORECASE | re.MULTILINE,
)
_SHORTENED = re.compile(
    r"\b(?:e\.g|i\.e|etc|vs|cf|approx|Mr|Dr|No|Fig|incl)\.|\.\.\.|\d\.\d|\b\w\.\w", re.IGNORECASE
)
_TITLE = re.compile(
    r"\A\W*(?:(?:here(?:'s| is)|this is|below is)\s+)?(?:(?:the|a|an|your|my)\s+)?"
    r"(?:(?:somewhat |slightly |more )?"
    r"(?:new|rewritten|evolved|harder|updated|modified|revised|difficult|complex)\s+){1,2}"
    r"(?:version|(?:programming\s+)?(?:task|instruction|prompt|question|problem))[^\n:]{0,30}:[*_#\s]*",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """``text`` as every store can hold it: valid Unicode, no NUL, Unix line ends, no outer blank lines."""
    valid = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return valid.replace("\r\n", "\n").replace("\r", "\n").strip("\n").rstrip()


def defect(completion: Completion) -> str:
    """Why a reply cannot be used at all: ``empty``, ``refused``, ``cut off``, ...; empty text if it can."""
    text, finish = clean(completion.text), completion.finish_reason
    if finish == "tool_calls":
        return TOOL_CALL
    if not text.strip() and completion.reasoning:
        return CUT_OFF_REASONING if finish == "length" else ONLY_REASONING
    if not text.strip():
        return "cut off" if finish == "length" else "empty"
    if finish in ("content_filter", "refusal") or refuses(text):
        return "refused"
    return "cut off" if finish == "length" else ""


def refuses(text: str) -> bool:
    """Whether a reply declines: a short text without code that opens a sentence with an apology."""
    if len(text) > 40 * _REFUSAL_WORDS or blocks(text):
        return False
    return len(words(text)) < _REFUSAL_WORDS and _REFUSAL.search(text[:400]) is not None


def leaks(text: str) -> bool:
    """Whether an instruction contains words of a rewriting prompt (ours or a usual one)."""
    return _LEAKS.search(prose(text)) is not None


def prose(text: str) -> str:
    """``text`` without its fenced blocks."""
    parts, position = [], 0
    for block in blocks(text):
        parts.append(text[position : block.start])
        after = text.find("\n", block.start)
        position = len(text) if after < 0 else after + 1 + len(block.code)
        if block.closed:  # step over the closing fence's line
            end = text.find("\n", position)
            position = len(text) if end < 0 else end + 1
    parts.append(text[position:])
    return "".join(parts)


def words(text: str) -> list[str]:
    """The words of a text, lower case."""
    return prose_words(text)


def sentences(text: str) -> list[str]:
    """The sentences of the prose in ``text``; abbreviations, numbers and dotted names do not end one."""
    masked = _SHORTENED.sub(lambda match: match[0].replace(".", "\x01"), prose(text))
    parts = re.split(r"(?<=[.!?])[\"')`\]]*\s+|(?<=[。！？])|\n{2,}", masked)
    return [whole for part in parts if words(whole := part.replace("\x01", ".").strip())]


def fenced(code: str, language: str = "") -> str:
    """``code`` as one Markdown block, with a fence longer than any inside it."""
    longest = max((len(run) for run in re.findall(r"^\s*(`{3,})", code, re.MULTILINE)), default=2)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def labelled(text: str, language: str) -> str:
    """An answer that is bare code, put in a block; any other answer unchanged."""
    return text if blocks(text) or not language else fenced(text, language)


def task_text(text: str) -> str:
    """The task in a reply, without ``<task>`` marks around it or a title above it."""
    body = clean(text).strip()
    start = body.find("<task>")
    end = body.find("</task>", start)
    if start >= 0 and end >= 0:
        body = body[start + len("<task>") : end].strip()
    return _TITLE.sub("", body, count=1).strip()
