// Benchmark problems: prompt, raw text, the program taken from it, and what became of it.

function problemBrowser({ scores }, go) {
  const state = { score: 0, failure: "✗", search: "", task: "" };
  state.score = scores.length - 1;
  const scoreChoice = choice("Score", scores.map((s, place) => option(String(place), `${s.step}: ${s.benchmark}, ${s.model}`)), (value) => change({ score: Number(value), task: "" }));
  const kinds = choice("Outcome", [], (value) => change({ failure: value, task: "" }));
  const search = el("input", {
    type: "search", placeholder: "Search in these problems", "aria-label": "Search in these problems",
    oninput: (event) => { state.search = event.target.value; state.task = ""; render(); },
  });
  const count = el("p", { class: "note" });
  const picker = new Picker({ label: "Problems", entry, detail, chosen: (item) => change({ task: item.task_id }, true) });

  function change(changes, quiet) {
    Object.assign(state, changes);
    const { step, benchmark } = scores[state.score];
    go("problems", { step, benchmark, failure: state.failure, task: state.task });
    if (!quiet) render();
  }

  const failureOf = (attempt) => (attempt.passed ? "✓" : attempt.failure || attempt.status);
  const fits = (attempt) => state.failure === "" || (state.failure === "✗" ? !attempt.passed : failureOf(attempt) === state.failure);

  function render() {
    const score = scores[state.score];
    scoreChoice.value = String(state.score);
    const known = [...new Set(score.attempts.filter((a) => !a.passed).map(failureOf))].sort();
    if (!["", "✗", "✓", ...known].includes(state.failure)) state.failure = "";
    kinds.replaceChildren(...[["", "all"], ["✗", "failed"], ["✓", "passed"], ...known.map((name) => [name, `failed: ${name}`])].map(([value, text]) => option(value, text, value === state.failure)));
    const wanted = state.search.toLowerCase();
    const found = score.attempts.filter((a) => fits(a) && (!wanted || JSON.stringify(a).toLowerCase().includes(wanted)));
    const total = score.passed + score.failed;
    count.textContent = `${found.length} shown; in all ${score.failed.toLocaleString("en")} of ${total.toLocaleString("en")} attempts failed.`;
    picker.fill(found, found.findIndex((a) => a.task_id === state.task));
  }

  function entry(attempt) {
    return { title: `${attempt.passed ? "✓" : "✗"} ${attempt.task_id}`, under: attempt.passed ? "passed" : failureOf(attempt) };
  }

  function detail(attempt) {
    const outcome = attempt.passed ? el("span", { class: "pass" }, "✓ passed") : el("span", { class: "fail" }, `✗ ${failureOf(attempt)}`);
    const more = [!attempt.passed && attempt.status, attempt.extraction && `program found by: ${attempt.extraction}`, attempt.draw && `draw ${attempt.draw}`];
    return [
      el("h3", {}, attempt.task_id),
      el("p", { class: "what" }, outcome, " ", more.filter(Boolean).join(" · ")),
      elsewhere(attempt),
      shownText(attempt, "prompt", verbatim),
      shownText(attempt, "raw", verbatim),
      attempt.program ? shownText(attempt, "program", (text) => code(text)) : part("program", el("p", { class: "note" }, "No program was found in the raw text.")),
    ];
  }

  function elsewhere(attempt) {
    const benchmark = scores[state.score].benchmark;
    const others = scores.flatMap((score, place) => score.benchmark === benchmark && place !== state.score ? score.attempts.filter((a) => a.task_id === attempt.task_id).map((a) => [place, score, a]) : []);
    if (!others.length) return [];
    return el("ul", { class: "life", "aria-label": "The same problem with other models" }, others.map(([place, score, other]) => {
      const jump = () => change({ score: place, failure: "", task: attempt.task_id });
      return el("li", {}, el("button", { type: "button", class: "link", onclick: jump }, `${other.passed ? "✓" : "✗"} ${score.model}`));
    }));
  }

  const node = el("div", {}, el("div", { class: "controls" }, scoreChoice, kinds, search), picker.node, count);
  return {
    node,
    open(asked) {
      const step = asked.get("step"), benchmark = asked.get("benchmark");
      const place = scores.findIndex((s) => s.step === step && (!benchmark || s.benchmark === benchmark));
      search.value = "";
      Object.assign(state, { score: place < 0 ? state.score : place, failure: asked.get("failure") ?? "✗", task: asked.get("task") || "", search: "" });
      render();
    },
  };
}
