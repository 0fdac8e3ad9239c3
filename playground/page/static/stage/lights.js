// The five promises as lights: a word, a shape and a colour each, with what was checked, and when.

import { now, span } from "../base/ages.js";
import { make } from "../base/dom.js";

const WORDS = { ok: "Kept", waiting: "Waiting", broken: "Broken" };

/**
 * @typedef {{name: string, state: "ok"|"waiting"|"broken", checked: string, says: string, at: number, since: number,
 *   past: {says: string, from: number, to: number}|null}} Light
 *
 * @param {HTMLElement} root
 * @returns {{show: (lights: Light[]) => void, tick: () => void}}
 */
export function lights(root) {
  const list = make("ul", { class: "lights" });
  const announced = make("p", { class: "unseen", role: "status" });
  root.append(list, announced);
  let drawn = [];
  let shown = [];

  const show = (told) => {
    if (drawn.length !== told.length) {
      drawn = told.map(() => light());
      list.replaceChildren(...drawn.map(({ root: item }) => item));
    }
    const changed = told.filter(({ state }, at) => shown[at] && shown[at].state !== state);
    if (changed.length) announced.textContent = changed.map(({ name, state, says }) => `${name}: ${WORDS[state]}. ${says}`).join(" ");
    shown = told;
    tick();
  };

  const tick = () => shown.forEach((told, at) => drawn[at].show(told));

  return { show, tick };
}

function light() {
  const word = make("span", { class: "word" });
  const name = make("span", { class: "name" });
  const says = make("p", { class: "says" });
  const past = make("p", { class: "past" });
  const checked = make("p", { class: "quiet" });
  const root = make("li", {}, make("p", { class: "head-line" }, name, word), says, past, checked);
  const show = (told) => {
    root.className = told.state;
    set(word, `${WORDS[told.state]} · ${span(now() - told.since)}`);
    set(name, told.name);
    set(says, told.says);
    set(past, told.past ? `Was red for ${span(told.past.to - told.past.from)}, ${span(now() - told.past.to)} ago: ${told.past.says}` : "");
    set(checked, `${told.checked} · checked ${span(now() - told.at)} ago`);
  };
  return { root, show };
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
  node.hidden = !text;
}
