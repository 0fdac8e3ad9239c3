// What to try: steps that tick themselves off. The first that is not done stands open; what a person opened stays so.

import { make } from "../base/dom.js";

/**
 * @typedef {{name: string, says: string, done: boolean,
 *   does: {label: string, person?: string, channel?: string, type?: string}[]}} Step
 *
 * @param {HTMLElement} root
 * @param {(place: {person?: string, channel?: string, type?: string}) => void} go
 * @returns {(steps: Step[]) => void}
 */
export function guide(root, go) {
  const list = make("ol", { class: "steps" });
  root.append(list);
  let drawn = [];
  let current = -1;

  return (steps) => {
    if (drawn.length !== steps.length) {
      drawn = steps.map((step) => item(step, go));
      list.replaceChildren(...drawn.map(({ root: line }) => line));
    }
    steps.forEach((step, at) => drawn[at].tick(step.done));
    const next = steps.findIndex((step) => !step.done);
    if (next === current) return;
    if (current >= 0) drawn[current].details.open = false;
    if (next >= 0) drawn[next].details.open = true;
    current = next;
  };
}

function item(step, go) {
  const state = make("span", { class: "unseen" });
  const buttons = step.does.map(({ label, ...place }) => {
    const button = make("button", { type: "button", class: "small" }, label);
    button.addEventListener("click", () => go(place));
    return button;
  });
  const details = make(
    "details",
    {},
    make("summary", {}, make("span", { class: "name" }, step.name), state),
    make("p", {}, step.says),
    make("div", { class: "buttons" }, ...buttons),
  );
  const root = make("li", {}, details);
  const tick = (done) => {
    root.classList.toggle("done", done);
    state.textContent = done ? ", done" : "";
  };
  return { root, details, tick };
}
