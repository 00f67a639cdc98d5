// A list on the left, what is chosen in it on the right. Arrow keys, Home and End move; the list takes focus once.

class Picker {
  // entry(item) -> {title, under}; detail(item) -> nodes; chosen(item) hears of a choice made by the reader.
  constructor({ label, entry, detail, chosen }) {
    Object.assign(this, { entry, detail, chosen, items: [], at: -1 });
    this.list = el("div", { class: "list", role: "listbox", tabindex: "0", "aria-label": label, onkeydown: (e) => this.key(e) });
    this.pane = el("div", { class: "detail", tabindex: "0", role: "region", "aria-label": `${label}: selected` });
    this.node = el("div", { class: "panes" }, this.list, this.pane);
    this.prefix = label.replace(/\W+/g, "-");
  }

  fill(items, at = 0) {
    this.items = items;
    this.at = -1;
    this.list.replaceChildren(
      ...items.map((item, place) => {
        const { title, under } = this.entry(item);
        return el(
          "div",
          { role: "option", id: `${this.prefix}-${place}`, "aria-selected": "false", onclick: () => this.pick(place, true) },
          el("span", { class: "title" }, title || "(empty)"),
          el("span", { class: "under" }, under),
        );
      }),
    );
    this.pane.replaceChildren();
    this.list.removeAttribute("aria-activedescendant");
    if (items.length) this.pick(Math.max(0, at), false);
    else this.list.append(el("p", { class: "none" }, "Nothing here."));
  }

  pick(place, byReader) {
    this.list.children[this.at]?.setAttribute("aria-selected", "false");
    this.at = place;
    const chosen = this.list.children[place];
    chosen.setAttribute("aria-selected", "true");
    this.list.setAttribute("aria-activedescendant", chosen.id);
    const { offsetTop, offsetHeight } = chosen;
    const top = offsetTop - this.list.offsetTop;
    if (top < this.list.scrollTop || top + offsetHeight > this.list.scrollTop + this.list.clientHeight) {
      this.list.scrollTop = Math.max(0, top - this.list.clientHeight / 3);
    }
    this.show(this.items[place]);
    if (byReader) this.chosen(this.items[place]);
  }

  show(item) {
    this.pane.replaceChildren(...this.detail(item).flat(9).filter(Boolean));
    this.pane.scrollTop = 0;
  }

  key(event) {
    const last = this.items.length - 1;
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1, Home: 0, End: last, PageDown: this.at + 8, PageUp: this.at - 8 }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.pick(Math.min(last, Math.max(0, to)), true);
  }
}
