// A field that searches a list, as the ARIA pattern "combobox with a listbox popup" has it.

import { freshId, make } from "../base/dom.js";
import { besideControl } from "../base/popover.js";
import { listOf } from "./choices.js";

/**
 * @typedef {{key: string, value: any, words: string, detail?: string}} Choice
 * @typedef {{label: string, choices: Choice[]}} Group
 *
 * @typedef {object} Given
 * @property {(query: string) => Group[]|Promise<Group[]>} find
 * @property {number} least letters before it searches
 * @property {number} pause milliseconds without a key before it searches
 * @property {boolean} many several may be chosen; they are committed when the list closes
 * @property {number} most that may be chosen
 * @property {Choice[]} chosen
 * @property {boolean} clearable
 * @property {object} attributes of the field
 * @property {string} placeholder
 */

/**
 * @param {Given} given
 * @param {(chosen: Choice[], control: HTMLElement) => Promise<boolean>} commit false: it shall be as before
 * @returns {HTMLElement}
 */
export function combobox(given, commit) {
  const { many } = given;
  const id = freshId("choices");
  const input = make("input", {
    ...given.attributes,
    type: "text",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": id,
  });
  const chips = make("span", { class: "chips" });
  const clear = make("button", { type: "button", class: "clear", "aria-label": "Clear", hidden: true }, "×");
  const list = listOf(id, many, pick);
  const holder = make("div", { class: many ? "combobox many" : "combobox" }, chips, input, clear, list.popover);
  const popover = besideControl(holder, list.popover);

  let committed = given.chosen;
  let chosen = committed;
  let asked = 0;
  let pause = 0;
  show();

  input.addEventListener("click", open);
  input.addEventListener("input", () => {
    unfold();
    clearTimeout(pause);
    pause = setTimeout(() => search(input.value), given.pause);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", onKey);
  clear.addEventListener("click", () => settle([]));
  list.popover.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  return holder;

  function show() {
    const [only] = chosen;
    input.value = many ? "" : (only?.words ?? "");
    input.placeholder = many && only ? "" : given.placeholder;
    clear.hidden = !given.clearable || !only;
    chips.replaceChildren(...(many ? chosen.map(chip) : []));
  }

  function chip(choice) {
    const remove = make("button", { type: "button", "aria-label": `Remove ${choice.words}` }, "×");
    remove.addEventListener("click", () => {
      chosen = chosen.filter((other) => other.key !== choice.key);
      if (popover.open) return redraw();
      input.focus();
      return settle(chosen);
    });
    return make("span", { class: "chip", dir: "auto" }, choice.words, remove);
  }

  function redraw() {
    show();
    list.mark(chosen, chosen.length >= given.most);
    popover.show();
  }

  /** With everything there is to choose, whatever stands in the field; typing replaces that. */
  function open() {
    if (popover.open) return;
    unfold();
    if (!many) input.select();
    search("");
  }

  function unfold() {
    input.setAttribute("aria-expanded", "true");
    popover.show();
  }

  /** Answers may come in another order than they were asked for: only the last counts. */
  async function search(query) {
    const turn = (asked += 1);
    if (query.length < given.least) return say(`Type ${given.least} letters to search.`);
    say("Looking…");
    try {
      const groups = await given.find(query.trim());
      if (turn !== asked || !popover.open) return undefined;
      list.fill(groups);
      list.mark(chosen, chosen.length >= given.most);
      const none = groups.every(({ choices }) => !choices.length);
      return say(none ? "Nothing found." : chosen.length >= given.most ? `At most ${given.most}.` : "", false);
    } catch (failure) {
      return turn === asked ? say(failure.message) : undefined;
    }
  }

  function say(text, empty = true) {
    if (empty) list.fill([]);
    list.say(text);
    point();
    if (popover.open) popover.show();
  }

  function point() {
    const id = list.active?.id;
    if (id) input.setAttribute("aria-activedescendant", id);
    else input.removeAttribute("aria-activedescendant");
  }

  function pick(choice) {
    if (!many) {
      hide();
      settle([choice]);
      return;
    }
    const known = chosen.some(({ key }) => key === choice.key);
    if (!known && chosen.length >= given.most) return;
    chosen = known ? chosen.filter(({ key }) => key !== choice.key) : [...chosen, choice];
    redraw();
    list.say(chosen.length >= given.most ? `At most ${given.most}.` : "");
  }

  /** Takes this as chosen, unless the person thinks better of it when asked. */
  async function settle(now) {
    const before = committed;
    chosen = committed = now;
    show();
    if (await commit(now, input)) return;
    chosen = committed = before;
    show();
  }

  function hide() {
    clearTimeout(pause);
    asked += 1;
    popover.hide();
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function close() {
    if (!popover.open) return;
    hide();
    if (keysOf(chosen) === keysOf(committed)) show();
    else settle(chosen);
  }

  function onKey(event) {
    const { key } = event;
    if (event.isComposing) return;
    if (key === "ArrowDown" || key === "ArrowUp") {
      if (popover.open) list.move(key === "ArrowDown" ? 1 : -1);
      else open();
      point();
    } else if (key === "Enter") {
      if (popover.open) list.take();
      else open();
    } else if (key === "Escape" && popover.open) {
      close();
    } else if (key === "Backspace" && many && !input.value && chosen.length) {
      chips.lastElementChild.querySelector("button").click();
    } else {
      return;
    }
    event.preventDefault();
  }
}

function keysOf(choices) {
  return JSON.stringify(choices.map(({ key }) => key));
}
