// The list that a combobox opens.

import { freshId, make } from "../base/dom.js";

/**
 * @param {string} id of the list
 * @param {boolean} many
 * @param {(choice: import("./combobox.js").Choice) => void} pick
 */
export function listOf(id, many, pick) {
  const list = make("div", { id, role: "listbox", "aria-label": "Choices", "aria-multiselectable": many || null });
  const status = make("p", { class: "status", role: "status" });
  const popover = make("div", { class: "popover", popover: "manual" }, list, status);
  let rows = [];
  let active = null;

  const point = (row) => {
    active?.node.classList.remove("active");
    active = row ?? null;
    active?.node.classList.add("active");
    active?.node.scrollIntoView({ block: "nearest" });
  };

  return {
    popover,
    /** The option the keyboard is at. */
    get active() {
      return active?.node ?? null;
    },
    /** @param {import("./combobox.js").Group[]} groups */
    fill(groups) {
      rows = [];
      const shown = groups.filter(({ choices }) => choices.length).map(({ label, choices }) => {
        const options = choices.map((choice) => {
          const node = option(choice);
          node.addEventListener("click", () => pick(choice));
          rows.push({ choice, node });
          return node;
        });
        return label ? groupOf(label, options) : options;
      });
      list.replaceChildren(...shown.flat());
      point(rows[0]);
    },
    /**
     * @param {import("./combobox.js").Choice[]} chosen
     * @param {boolean} full no more may be chosen
     */
    mark(chosen, full) {
      const keys = new Set(chosen.map(({ key }) => key));
      for (const { choice, node } of rows) {
        node.setAttribute("aria-selected", String(keys.has(choice.key)));
        node.setAttribute("aria-disabled", String(many && full && !keys.has(choice.key)));
      }
      const [first] = rows.filter(({ choice }) => keys.has(choice.key));
      if (!many && first) point(first);
    },
    move(step) {
      if (rows.length) point(rows[(rows.indexOf(active) + step + rows.length) % rows.length]);
    },
    take() {
      if (active) pick(active.choice);
    },
    /** @param {string} text */
    say(text) {
      status.textContent = text;
      status.hidden = !text;
    },
  };
}

function groupOf(label, options) {
  const id = freshId("group");
  const heading = make("div", { id, class: "group", dir: "auto" }, label);
  return make("div", { role: "group", "aria-labelledby": id }, heading, ...options);
}

function option({ words, detail }) {
  const more = detail ? make("span", { class: "detail" }, detail) : null;
  const attributes = { id: freshId("option"), role: "option", class: "choice", dir: "auto", "aria-selected": "false" };
  return make("div", attributes, make("span", {}, words), more);
}
