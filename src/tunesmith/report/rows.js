// The kept and dropped rows of the steps, with their lineage.

function rowBrowser({ steps, rows }, go) {
  const children = new Map();
  for (const [id, row] of Object.entries(rows))
    for (const parent of row.parents || []) children.set(parent, [...(children.get(parent) || []), id]);
  const byName = new Map(steps.map((step) => [step.name, step]));
  const state = { step: steps[steps.length - 1]?.name, group: "kept", reason: "", search: "", row: "" };
  const stepChoice = choice("Step", steps.map((s) => option(s.name, s.place)), (value) => change({ step: value, reason: "", row: "" }));
  const kept = el("button", { type: "button", onclick: () => change({ group: "kept", reason: "", row: "" }) });
  const lost = el("button", { type: "button", onclick: () => change({ group: "dropped", row: "" }) });
  const reasons = choice("Reason", [], (value) => change({ reason: value, row: "" }));
  const search = el("input", {
    type: "search", placeholder: "Search in these rows", "aria-label": "Search in these rows",
    oninput: (event) => { state.search = event.target.value; state.row = ""; render(); },
  });
  const count = el("p", { class: "note" });
  const picker = new Picker({ label: "Rows", entry, detail, chosen: (item) => change({ row: item.id }, true) });

  function change(changes, quiet) {
    Object.assign(state, changes);
    const { step, group, reason, row } = state;
    go("rows", { step, group, reason, row });
    if (!quiet) render();
  }

  function items() {
    const step = byName.get(state.step);
    if (!step) return [];
    const all = state.group === "dropped" ? step.dropped.map(([id, reason]) => ({ id, reason })) : step.kept.map((id) => ({ id, reason: "" }));
    const wanted = state.search.toLowerCase();
    return all.filter(({ id, reason }) => (!state.reason || reason === state.reason) && (!wanted || JSON.stringify(rows[id]).toLowerCase().includes(wanted) || id.startsWith(wanted)));
  }

  function render() {
    const step = byName.get(state.step);
    stepChoice.value = state.step;
    for (const [button, group] of [[kept, "kept"], [lost, "dropped"]]) {
      button.textContent = `${(step?.counts[group] || 0).toLocaleString("en")} ${group}`;
      button.setAttribute("aria-pressed", String(state.group === group));
    }
    lost.disabled = !step?.dropped.length;
    const known = [...new Set((step?.dropped || []).map(([, reason]) => reason))].sort();
    reasons.replaceChildren(option("", "any reason"), ...known.map((reason) => option(reason, reason, reason === state.reason)));
    reasons.hidden = state.group !== "dropped" || known.length < 2;
    const found = items();
    const at = found.findIndex(({ id }) => id === state.row);
    count.textContent = step ? `${found.length.toLocaleString("en")} shown of ${step.counts[state.group].toLocaleString("en")} ${state.group} by ${step.place}.` : "";
    picker.fill(found, at);
    if (state.row && at < 0 && rows[state.row]) picker.show({ id: state.row, reason: "" });
  }

  function entry({ id, reason }) {
    const row = rows[id];
    return { title: firstLine(row.instruction || row.code || row.answer), under: [reason, row.task, row.language, id.slice(0, 8)].filter(Boolean).join(" · ") };
  }

  function detail({ id }) {
    const row = rows[id];
    const what = [row.task, row.language, row.source && `from ${row.source}`, row.license, row.weight !== undefined && `weight ${row.weight}`];
    const show = (text) => prose(text, row.language);
    const program = (text) => code(text, row.language);
    return [
      el("h3", {}, id),
      el("p", { class: "what" }, what.filter(Boolean).join(" · ")),
      el("ol", { class: "life", "aria-label": "Its steps" }, row.life.map(([step, why]) => el("li", { class: why ? "out" : null }, why ? `✗ ${step}: ${why}` : step))),
      row.verdicts && part("verdicts", row.verdicts.map(verdict)),
      shownText(row, "system", show), shownText(row, "instruction", show), shownText(row, "answer", show),
      shownText(row, "tests", program), shownText(row, "code", program),
      lineage(id),
      shownText(row, "meta", verbatim),
    ];
  }

  function verdict([by, passed, score, reason]) {
    const [style, word] = passed === null ? ["soft", "? unknown"] : passed ? ["pass", "✓ passed"] : ["fail", "✗ failed"];
    return el("div", { class: "verdict" }, el("span", { class: style }, word), el("span", {}, by), score !== null && el("span", {}, String(score)), el("span", { class: "soft" }, reason));
  }

  function lineage(id) {
    const above = ancestors(id);
    const below = children.get(id) || [];
    if (!above.length && !below.length) return [];
    return part("lineage", el("ul", { class: "kin" }, above.map(relative), el("li", {}, el("span", { class: "here" }, "this row"), el("span", { class: "text" }, rows[id].step)), below.map(relative)));
  }

  function ancestors(id) {
    const found = [];
    let layer = [id];
    const seen = new Set(layer);
    while (layer.length) {
      layer = layer.flatMap((one) => rows[one]?.parents || []).filter((one) => !seen.has(one) && seen.add(one));
      found.unshift(...layer);
    }
    return found;
  }

  function relative(id) {
    const row = rows[id];
    if (!row) return el("li", {}, el("span", { class: "note" }, `${id} (not in this file)`));
    const jump = () => { const [step, why] = row.life[row.life.length - 1]; change({ step, group: why ? "dropped" : "kept", reason: "", row: id }); };
    return el("li", {}, el("button", { type: "button", class: "link", onclick: jump }, id.slice(0, 8)), el("span", {}, row.step), el("span", { class: "text" }, firstLine(row.instruction || row.code)));
  }

  const node = el("div", {}, el("div", { class: "controls" }, stepChoice, el("span", { class: "switch" }, kept, lost), reasons, search), picker.node, count);
  return {
    node,
    open(asked) {
      const row = asked.get("row") || "";
      const step = byName.has(asked.get("step")) ? asked.get("step") : state.step;
      const group = asked.get("group") === "dropped" && byName.get(step)?.dropped.length ? "dropped" : "kept";
      search.value = "";
      Object.assign(state, { step, group, reason: group === "dropped" ? asked.get("reason") || "" : "", row, search: "" });
      render();
    },
  };
}
