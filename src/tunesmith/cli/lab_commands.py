"""``tunesmith lab``: the papers' comparisons as experiments with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The papers' comparisons, repeated with error bars.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name from `tunesmith lab list`, or a file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


@app.command(name="list")
def list_(json: Json = False) -> None:
    """The experiments that come with tunesmith."""
    from ..lab.experiment import bundled_experiments, load_experiment

    found = [load_experiment(name).experiment for name in bundled_experiments()]
    if json:
        _print_json(
            [{"name": e.name, "paper": e.paper, "question": e.question, "arms": [*e.arms]} for e in found]
        )
    for experiment in () if json else found:
        typer.echo(f"{experiment.name:32} {experiment.question}")


@app.command()
def run(
    name: Name,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Laid over every arm's recipe.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Seeds 1 to N; more seeds: the same command again.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The same at the paper's scale.")] = False,
    out: Annotated[Path | None, typer.Option(help="Result folder; default lab/NAME.")] = None,
    json: Json = False,
) -> None:
    """Run what is missing of an experiment, and show its table."""
    from ..lab.arm_results import ArmResult
    from ..lab.experiment import load_experiment
    from ..lab.pages import write_pages
    from ..lab.sweep import SweepListener, run_sweep
    from ..lab.table import power_note, summarise, text_table

    class Lines(SweepListener):
        def on_arm_end(self, result: ArmResult) -> None:
            if not json:
                typer.echo(f"{result.arm}, seed {result.seed}: {result.value:.1%} in {result.seconds:.0f} s")

    loaded = load_experiment(name, full=full)
    experiment = loaded.experiment
    place = out or Path("lab") / (f"{experiment.name}-full" if full else experiment.name)
    if not json:
        typer.echo(power_note(experiment, place, seeds or experiment.seeds))
    results = run_sweep(loaded, place, seeds=seeds, overrides=overrides or (), listener=Lines())
    summary = summarise(experiment, results)
    page = write_pages(loaded, place, summary)
    if json:
        _print_json(summary.to_json())
    else:
        typer.echo(f"\n{text_table(summary)}\n\npage: {page}")


@app.command()
def show(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result folder, such as lab/NAME.")],
    json: Json = False,
) -> None:
    """The table of an experiment as far as it has been run."""
    from ..lab.pages import stored_summary
    from ..lab.table import text_table

    summary = stored_summary(folder)
    if json:
        _print_json(summary.to_json())
    else:
        typer.echo(text_table(summary))


@app.command()
def new(
    name: Name,
    to: Annotated[Path | None, typer.Argument(help="Where to; default ./NAME.yaml.")] = None,
) -> None:
    """Copy an experiment here, to make it your own."""
    from ..errors import UserError, nearest
    from ..lab.experiment import bundled_experiments

    known = bundled_experiments()
    if name not in known:
        raise UserError("", f"no experiment is called {name!r}", nearest(name, known))
    target = to or Path(f"{name}.yaml")
    if target.exists():
        raise UserError(str(target), "exists already", "give another name: tunesmith lab new NAME FILE.yaml")
    target.write_text(known[name].read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"{target}\n    run it: tunesmith lab run {target}")


def _print_json(data: object) -> None:
    import orjson

    typer.echo(orjson.dumps(data).decode())
