"""API keys: from the environment or ``.env``, never into a log, a store, an error or a report."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import SecretStr

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_KEY_LIKE = re.compile(r"\b(sk|pk|rk|gsk|hf|key|xai|AIza)[-_][A-Za-z0-9_\-*.]{6,}|(?<=Bearer )\S+")


def setting(name: str, home: Path = Path()) -> str:
    """The value of ``name`` in the environment, else in ``home/.env`` (the recipe's folder), else in the
    ``.env`` of the working directory, else the empty string."""
    found = (_dotenv(folder / ".env").get(name) for folder in (home, Path()))
    return os.environ.get(name) or next(filter(None, found), "")


def secret(name: str, home: Path = Path()) -> SecretStr:
    """``setting`` for a value that must not be shown."""
    return SecretStr(setting(name, home))


def scrubbed(text: str, *known: SecretStr, longest: int = 500) -> str:
    """``text`` without ``known`` secrets and what looks like a key, cut to ``longest`` characters."""
    for value in known:
        if value.get_secret_value():
            text = text.replace(value.get_secret_value(), "***")
    text = _KEY_LIKE.sub("***", " ".join(text.split()))
    return text if len(text) <= longest else text[:longest] + "..."


def _dotenv(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found = (_LINE.match(line) for line in text.splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.split(" #", maxsplit=1)[0].rstrip()
