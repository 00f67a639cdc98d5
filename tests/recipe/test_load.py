"""Recipes: what they say, and what is said of the mistakes in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.errors import RecipeError, UserError
from tunesmith.recipe.load import bundled, load_recipe, read_recipe
from tunesmith.recipe.recipe import Node, Recipe, Ref, Rounds
from tunesmith.recipe.yaml import as_yaml, read_document, read_value

HERE = Path(__file__).parents[1] / "support"

GOOD = """\
name: good
seed: 7
models:
  echo: {use: acme.echo}
steps:
  numbers: {do: acme.numbers, count: 5}
  lucky:   {do: acme.chancy}
  asked:   {do: acme.asker, with: echo, from: [lucky, lucky.dropped]}
  rounds:
    repeat: 2
    each:
      words: {do: acme.fragments}
      kept:  {do: acme.chancy, from: [words, previous]}
tiny:
  models:
    echo: {shuffle: 4}
  steps:
    numbers: {count: 2}
    rounds: {repeat: 1}
"""


def read(text: str, **how: object) -> Recipe:
    return read_recipe(read_document(text, "x.yaml"), HERE, **how)  # type: ignore[arg-type]


def test_steps_read_the_rows_just_above_unless_told_otherwise() -> None:
    numbers, lucky, asked, rounds = read(GOOD).nodes
    assert isinstance(numbers, Node) and numbers.inputs == ()
    assert isinstance(lucky, Node) and lucky.inputs == (Ref("numbers"),)
    assert isinstance(asked, Node) and asked.inputs == (Ref("lucky"), Ref("lucky", dropped=True))
    assert isinstance(rounds, Rounds) and rounds.inputs == (Ref("asked"),)
    assert rounds.each[0].inputs == (Ref("previous"),)
    assert rounds.each[1].inputs == (Ref("words"), Ref("previous"))


SELF_EVALUATION = """\
name: labels
models: {{judge: {{use: starter}}}}
steps:
  seeds: {{do: sources.starter, tasks: 3, answered: true}}
  judged: {{do: synthesis.self_evaluate, {fields}}}
"""


def test_whether_a_step_needs_a_model_may_hang_on_its_fields() -> None:
    for fields in ("labels: verdicts", "labels: verdicts, with: judge", "with: judge"):
        assert read(SELF_EVALUATION.format(fields=fields)).nodes
    with pytest.raises(RecipeError, match="this step needs a model"):
        read(SELF_EVALUATION.format(fields="labels: judge"))


def test_tiny_lays_its_part_over_the_recipe() -> None:
    full, tiny = read(GOOD), read(GOOD, tiny=True)
    assert full.nodes[0].step.count == 5 and tiny.nodes[0].step.count == 2  # type: ignore[union-attr, attr-defined]
    assert tiny.nodes[3].repeat == 1  # type: ignore[union-attr]
    assert tiny.models["echo"].shuffle == 4  # type: ignore[attr-defined]
    assert "tiny" not in tiny.data


def test_a_null_in_tiny_is_a_value_where_there_is_nothing_to_remove() -> None:
    text = (
        "name: n\nsteps:\n  s: {do: sources.starter, tasks: 3}\n  c: {do: selection.decontaminate, against: [starter]}\n"
        "tiny: {steps: {s: {tasks: null}, c: {ngram: null}}}\n"
    )
    seeds, clean = read(text, tiny=True).nodes
    assert isinstance(seeds, Node) and seeds.step.tasks is None  # type: ignore[attr-defined]
    assert isinstance(clean, Node) and clean.step.ngram is None  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="a step is"):
        read(text.replace("c: {ngram", "cc: {ngram").replace("cc: {ngram: null}", "cc: null"), tiny=True)


def test_a_step_new_in_tiny_stands_before_the_step_that_follows_it_there() -> None:
    changes = (
        "numbers: {count: 2}\n    more: {do: acme.numbers, count: 1}\n    lucky: {from: [numbers, more]}"
    )
    tiny = read(GOOD.replace("numbers: {count: 2}", changes), tiny=True)
    assert [node.name for node in tiny.nodes] == ["numbers", "more", "lucky", "asked", "rounds"]
    assert isinstance(tiny.nodes[2], Node) and tiny.nodes[2].inputs == (Ref("numbers"), Ref("more"))
    last = GOOD + "    words: {do: acme.fragments}\n"
    assert [node.name for node in read(last, tiny=True).nodes][-1] == "words"


def test_tiny_removes_with_null_and_replaces_what_gets_a_new_address() -> None:
    text = GOOD.replace("    rounds: {repeat: 1}", "    rounds: null\n    lucky: {do: acme.reverse, most: 1}")
    tiny = read(text, tiny=True)
    assert [node.name for node in tiny.nodes] == ["numbers", "lucky", "asked"]
    assert tiny.nodes[1].address == "acme.reverse"  # type: ignore[union-attr]


def test_overrides_come_last_and_are_yaml() -> None:
    recipe = read(GOOD, tiny=True, overrides=["steps.numbers.count=9", "seed=11", "steps.rounds.repeat=3"])
    assert recipe.nodes[0].step.count == 9  # type: ignore[union-attr, attr-defined]
    assert (recipe.seed, recipe.nodes[3].repeat) == (11, 3)  # type: ignore[union-attr]


def test_what_a_run_keeps_reads_back_as_the_same_recipe() -> None:
    recipe = read(GOOD, tiny=True, overrides=["steps.numbers.count=9"])
    again = read(as_yaml(recipe.data))
    assert (again.nodes, again.models, again.seed) == (recipe.nodes, recipe.models, recipe.seed)


def test_yaml_is_version_1_2() -> None:
    assert read_value("no") == "no"
    assert read_value("2e-5") == 2e-5
    assert read_value("0o17") == 15
    assert read_value("[a, 1, null, true]") == ["a", 1, None, True]


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text("abc-: #'\"\n{}[]", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcxyz", min_size=1), plain, max_size=4))
def test_any_data_survives_the_way_to_yaml_and_back(data: dict[str, object]) -> None:
    assert read_document(as_yaml(data), "x").data == data


# One row per kind of mistake: what to change in GOOD, where it is reported, what is said, what is advised.
MISTAKES = {
    "unknown key": ("count: 5", "cuont: 5", "x.yaml:6 (steps.numbers.cuont)", "unknown key 'cuont'", "did you mean 'count'?"),
    "wrong type": ("count: 5", "count: many", "x.yaml:6 (steps.numbers.count)", "valid integer", "came 'many'"),
    "duplicate key": ("count: 5", "count: 5, count: 6", "x.yaml:6 (steps.numbers.count)", "stands twice", "lines 6 and 6"),
    "duplicate step": ("  lucky:   {", "  numbers: {do: acme.numbers}\n  lucky:   {", "x.yaml:7", "stands twice, on lines 6 and 7", "keep one"),
    "unknown top-level key": ("seed: 7", "sed: 7", "x.yaml:2 (sed)", "unknown key 'sed'", "did you mean 'seed'?"),
    "missing name": ("name: good\n", "", "x.yaml", "the key 'name' is missing", "Names the run folder"),
    "unknown step": ("acme.numbers,", "selection.kcentre,", "x.yaml:6 (steps.numbers.do)", "nothing is at the address 'selection.kcentre'", "did you mean 'selection.kcenter'?"),
    "foreign step that is not there": ("acme.chancy}\n  asked", "acme.chance}\n  asked", "x.yaml:7 (steps.lucky.do)", "nothing is at the address 'acme.chance'", ""),
    "no do": ("{do: acme.chancy}\n  asked", "{dos: acme.chancy}\n  asked", "x.yaml:7 (steps.lucky)", "a step is {do: ADDRESS", ""),
    "unknown model": ("with: echo", "with: ecco", "x.yaml:8 (steps.asked.with)", "no model is called 'ecco'", "did you mean 'echo'?"),
    "no model": ("with: echo, ", "", "x.yaml:8 (steps.asked)", "needs a model", "known: echo"),
    "needless model": ("count: 5", "count: 5, with: echo", "x.yaml:6 (steps.numbers.with)", "uses no model", "remove"),
    "unknown backend": ("use: acme.echo", "use: opnai", "x.yaml:4 (models.echo.use)", "nothing is at the address 'opnai'", "did you mean 'openai'?"),
    "unknown model key": ("{use: acme.echo}", "{use: acme.echo, shufle: 1}", "x.yaml:4 (models.echo.shufle)", "unknown key", "did you mean 'shuffle'?"),
    "forward reference": ("from: [lucky, lucky.dropped]", "from: rounds", "x.yaml:8 (steps.asked.from)", "'rounds' stands below", "rows only flow down"),
    "unknown row name": ("from: [lucky, lucky.dropped]", "from: luck", "x.yaml:8 (steps.asked.from)", "no step above is called 'luck'", "did you mean 'lucky'?"),
    "bad suffix": ("lucky.dropped", "lucky.droped", "x.yaml:8 (steps.asked.from)", "only '.dropped' can follow", ""),
    "no rows above": ("  numbers: {do: acme.numbers, count: 5}\n", "", "x.yaml:6 (steps.lucky)", "no rows stand above", "put a source before it"),
    "reading source": ("count: 5", "count: 5, from: lucky", "x.yaml:6 (steps.numbers.from)", "a source step reads no rows", "remove"),
    "taken name": ("  numbers: {do", "  echo: {do", "x.yaml:6 (steps.echo)", "already taken", "another name"),
    "bad repeat": ("repeat: 2", "repeat: no", "x.yaml:10 (steps.rounds.repeat)", "whole number of at least 1", "came 'no'"),
    "stop without score": ("repeat: 2", "repeat: 2\n    stop_when: score_falls", "x.yaml:9 (steps.rounds)", "needs a probe with a score step", "evaluation.pass_at_k"),
    "unknown block key": ("repeat: 2", "repeat: 2\n    untill: x", "x.yaml:11 (steps.rounds.untill)", "unknown key 'untill'", ""),
    "unknown judge": ("  rounds:\n", "  good: {do: selection.where, passed: askd}\n  rounds:\n", "x.yaml:9 (steps.good.passed)", "no step above is called 'askd'", "did you mean 'asked'?"),
    "not YAML": ("seed: 7", "seed: [7", "x.yaml:3", "not valid YAML", "indentation"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake_says_where_what_and_what_to_do(kind: str) -> None:
    old, new, *said = MISTAKES[kind]
    assert GOOD.count(old) == 1, "the change must be a single one"
    with pytest.raises(RecipeError) as caught:
        read(GOOD.replace(old, new))
    assert len(caught.value.mistakes) == 1, str(caught.value)
    for part in said:
        assert part in str(caught.value)


def test_all_mistakes_are_shown_at_once() -> None:
    text = (
        GOOD.replace("count: 5", "cuont: 5").replace("with: echo", "with: ecco").replace("seed: 7", "sed: 7")
    )
    with pytest.raises(RecipeError, match=r"^3 mistakes") as caught:
        read(text)
    assert len(caught.value.mistakes) == 3


def test_a_bad_override_is_reported_as_such() -> None:
    with pytest.raises(
        RecipeError, match=r"command line \(steps.number.count\).*no 'steps.number'(.|\n)*'numbers'"
    ):
        read(GOOD, overrides=["steps.number.count=3"])
    with pytest.raises(RecipeError, match=r"command line \(steps.numbers.count\).*came 'x'"):
        read(GOOD, overrides=["steps.numbers.count=x"])


def test_a_mistake_in_the_tiny_part_is_reported_on_its_own_line() -> None:
    with pytest.raises(RecipeError, match=r"x\.yaml:18 \(steps.numbers.cuont\)"):
        read(GOOD.replace("{count: 2}", "{cuont: 2}"), tiny=True)


def test_a_missing_recipe_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such recipe file"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(UserError, match="did you mean 'starter'"):
        load_recipe("startr")


@pytest.mark.parametrize("name", sorted(bundled()))
@pytest.mark.parametrize("tiny", [False, True])
def test_every_bundled_recipe_reads_without_a_mistake(name: str, tiny: bool) -> None:
    recipe = load_recipe(name, tiny=tiny)
    assert recipe.name == name
    assert recipe.about
