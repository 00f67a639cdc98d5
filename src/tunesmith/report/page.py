"""One HTML file: template, styles, script and data in a single text that opens from disk.

Rows are hostile text. The template engine escapes every value; the data for the script is JSON whose
``<``, ``>`` and ``&`` are written as escapes; the script only ever sets text, never markup. As a second
line of defence a content security policy lets nothing be loaded, and no script run but ours (by hash).
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files
from typing import Any

import orjson
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from ..runs.failures import advice, failures_of
from .browse import browsable
from .charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH
from .flow import costs, flow
from .measured import measured
from .mechanisms import mechanisms
from .phrases import clock, share, usd, value
from .scores import comparisons, headline, problems
from .story import Story
from .training import trainings

SCRIPTS = ("parts.js", "picker.js", "rows.js", "problems.js", "flow.js", "report.js")
_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def page(story: Story) -> str:
    """The whole report as HTML."""
    package = files(__package__)
    script = "".join(package.joinpath(name).read_text(encoding="utf-8") for name in SCRIPTS)
    script = f'(() => {{\n"use strict";\n{script}}})();'
    data = {"run": story.run.path.name, "browse": browsable(story), "problems": problems(story)}
    template = _environment().from_string(package.joinpath("report.html").read_text(encoding="utf-8"))
    return template.render(
        story=story,
        state=story.state,
        paper=_paper(story.state.paper),
        comparisons=(compared := comparisons(story)),
        headline=headline(story, compared),
        lines=(lines := flow(story)),
        widest=max([line.kept + line.dropped for line in lines] + [1]),
        advice=advice(story.run.path, failures_of(story.run)),
        costs=costs(story),
        mechanisms=mechanisms(story),
        measured=measured(story),
        trainings=trainings(story),
        box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        policy=_policy(script),
        style=Markup(package.joinpath("report.css").read_text(encoding="utf-8")),
        script=Markup(script),
        data=Markup(inlined(data)),
    )


def inlined(data: Any) -> str:
    """JSON that is safe inside a ``<script>`` element, whatever its strings contain."""
    return orjson.dumps(data).decode().translate(_ESCAPES)


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "whole": lambda number: f"{number:,.0f}",
        "percent": lambda share: f"{100 * share:.1f}%",
        "share": share,
        "usd": usd,
        "clock": clock,
        "p": lambda p: "p < 0.001" if p < 0.001 else f"p = {p:.3f}",
        "value": value,
    }
    return environment


def _paper(number: str) -> str:
    """An arXiv number, or nothing: only a number may become part of a link."""
    return number if re.fullmatch(r"\d{4}\.\d{4,5}", number) else ""
