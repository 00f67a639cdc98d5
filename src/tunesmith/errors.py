"""Every deliberate error of tunesmith.

    TunesmithError
    ├── UserError              the user can fix it: exit code 2, no traceback
    │   ├── RecipeError        one or more mistakes in a recipe, all shown at once
    │   ├── DataError          a file or a row of data is not what was promised
    │   ├── FolderError        a run folder cannot be used as asked
    │   └── SetupError         an extra, a key, a toolchain or an endpoint is missing
    ├── RunStopped             the run ended early but cleanly; the same command continues it
    │   ├── BudgetReached      the money the user allowed is spent
    │   └── ProviderRefused    the model provider refuses every request (401, 403) or is down
    └── StepError              a step raised or broke its contract: names step and row

The message of a ``UserError`` states where, what came, what was expected and what to do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class TunesmithError(Exception):
    """Root of every error that tunesmith raises on purpose."""

    exit_code = 1


class UserError(TunesmithError):
    """Something the user can fix. ``where`` is ``file:line`` or ``steps.NAME.key``."""

    exit_code = 2

    def __init__(self, where: str, problem: str, fix: str = "") -> None:
        self.where, self.problem, self.fix = where, problem, fix
        super().__init__(where, problem, fix)

    def __str__(self) -> str:
        head = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{head}\n    {self.fix}" if self.fix else head


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a recipe: ``where`` (file:line, key path), what is wrong, what to do."""

    where: str
    problem: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.problem}" + (f"\n    {self.fix}" if self.fix else "")


class RecipeError(UserError):
    """All the mistakes found in one recipe."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        first = self.mistakes[0]
        super().__init__(first.where, first.problem, first.fix)
        self.args = (self.mistakes,)

    def __str__(self) -> str:
        count = len(self.mistakes)
        head = "" if count == 1 else f"{count} mistakes\n"
        return head + "\n".join(str(mistake) for mistake in self.mistakes)


class DataError(UserError):
    """A data file is missing, or a row of it is malformed."""


class FolderError(UserError):
    """A run folder cannot be used as asked."""


class SetupError(UserError):
    """This machine lacks something the step needs."""


class RunStopped(TunesmithError):
    """The run ended early but cleanly; finished work is kept, and the same command continues it."""

    exit_code = 3


class BudgetReached(RunStopped):
    """The budget of the recipe is spent."""


class ProviderRefused(RunStopped):
    """The model provider refuses every request (bad key, no credit) or is down."""


class StepError(TunesmithError):
    """A step raised an exception, or yielded something that its kind does not allow."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint such as ``did you mean 'kcenter'?``, or the list of known names if none is similar."""
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown}" if names else "there are none"


UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, marks that change the direction of text, and lone surrogates."""


def visible(text: str) -> str:
    """``text`` with its control characters as escapes, such as ``\\x1b``.

    Rows, replies and recipes hold text of strangers: a terminal would obey an escape sequence in it, and a
    reader would not see it. Every such text passes through here on its way to a terminal or a card.
    """
    return UNSEEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
