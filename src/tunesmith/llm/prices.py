"""What tokens cost: a dated table in the package, overridden by a model's own ``price``.

Prices are US dollars per million tokens, by host: the same model has other prices elsewhere. A host that is
not in ``prices.yaml`` has no known price; costs are then shown as unknown, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..requests import Usage

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Price(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    input: float = Field(ge=0)
    """Tokens sent."""
    output: float = Field(ge=0)
    """Tokens received, reasoning included."""
    cached_input: float | None = Field(default=None, ge=0)
    """Tokens sent that the provider had cached; the price of ``input`` where left out."""

    def cost(self, usage: Usage) -> float:
        """US dollars for ``usage``."""
        cached_price = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input - usage.cached_input
        return (fresh * self.input + usage.cached_input * cached_price + usage.output * self.output) / 1e6

    def times(self, factor: float) -> Price:
        """The same price list at ``factor`` (the Batch API sells at half)."""
        cached = None if self.cached_input is None else self.cached_input * factor
        return Price(input=self.input * factor, output=self.output * factor, cached_input=cached)


FREE = Price(input=0.0, output=0.0)
"""What a model on this machine costs."""


def listed(host: str, model: str) -> Price | None:
    """The table's price of ``model`` at ``host`` (``api.openai.com``), dated snapshots included."""
    if host in ("localhost", "127.0.0.1", "::1"):
        return None  # a server of the user: no need to read the table
    prices = _table()["hosts"].get(host, {})
    price = prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
    return Price(**price) if price else None


def dated() -> str:
    """The day the table was last checked, ``YYYY-MM-DD``."""
    return str(_table()["dated"])


@cache
def _table() -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    table: Mapping[str, Any] = YAML(typ="safe").load(
        files(__package__).joinpath("prices.yaml").read_text("utf-8")
    )
    return table
