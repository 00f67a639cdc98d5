"""API keys: read from the environment or ``.env``, and kept out of stores, errors, logs and reports.

Servers and gateways echo requests, headers included. So every error is scrubbed where it is made
(``RequestError``) and every reply before it is kept (``RequestRetrier``), whatever backend it came from.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_SECRET_NAME = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_KEY_LIKE = re.compile(r"\b(sk|pk|rk|gsk|hf|key|xai|AIza)[-_][A-Za-z0-9_\-*.]{6,}|(?<=Bearer )[^\s\"',}]+")
_SHORTEST, _SURE = 8, 16
_READ: set[str] = set()
"""Secrets that this process read from ``.env``. An error can be made far from the code that read the key."""


def setting(name: str, home: Path = Path()) -> str:
    """The value of ``name`` in the environment, else in ``home/.env`` (the recipe's folder), else in the
    ``.env`` of the working directory, else the empty string."""
    values = (_dotenv(folder / ".env").get(name) for folder in (home, Path()))
    return os.environ.get(name) or next(filter(None, values), "")


def secret(name: str, home: Path = Path()) -> SecretStr:
    """``setting`` for a value that must not be shown."""
    return SecretStr(setting(name, home).strip())


def scrubber() -> Callable[[str], str]:
    """Replaces by ``***`` the values that the environment and ``.env`` have under names like ``..._KEY``.

    Short values and plain words (``none``, ``EMPTY``) are what keyless servers are given: they stay.
    """
    values = {value for name, value in os.environ.items() if _SECRET_NAME.search(name)} | _READ
    wanted = {form for value in values if _is_secret(value) for form in (value, quote(value, safe=""))}
    if not wanted:
        return str
    # The longest first: a secret that begins like another must not leave its end behind.
    pattern = re.compile("|".join(map(re.escape, sorted(wanted, key=len, reverse=True))), re.IGNORECASE)
    return lambda text: pattern.sub("***", text)


def hidden(text: str) -> str:
    """``text`` without the secrets of this process and without anything that looks like a key."""
    return _KEY_LIKE.sub("***", scrubber()(text))


def scrubbed(text: str, *known: SecretStr, longest: int = 500) -> str:
    """What a server said, in one line without secrets, cut to ``longest`` characters."""
    for value in known:
        if value.get_secret_value():
            text = text.replace(value.get_secret_value(), "***")
    text = hidden(" ".join(text[: 16 * longest].split()))  # first hidden, then cut: no half of a key is left
    return text if len(text) <= longest else text[:longest] + "..."


def _is_secret(value: str) -> bool:
    return len(value) >= _SURE or (len(value) >= _SHORTEST and not value.isalpha())


def _dotenv(path: Path) -> dict[str, str]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    lines = (_LINE.match(line) for line in text.splitlines())
    values = {line[1]: _unquoted(line[2]) for line in lines if line}
    _READ.update(value for name, value in values.items() if _SECRET_NAME.search(name))
    return values


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value.split(" #", maxsplit=1)[0].rstrip()
