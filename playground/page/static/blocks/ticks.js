// Checkboxes and radio buttons.

import { freshId, make } from "../base/dom.js";
import { textOf } from "../text/mrkdwn.js";
import { offer } from "./acting.js";
import { heldBy } from "./action.js";

/** @type {(told: object, block: object, place: import("./blocks.js").Place, naming: object) => HTMLElement} */
export function checkboxes(told, block, place, naming) {
  return ticks("checkbox", told, block, place, naming);
}

/** @type {(told: object, block: object, place: import("./blocks.js").Place, naming: object) => HTMLElement} */
export function radioButtons(told, block, place, naming) {
  return ticks("radio", told, block, place, naming);
}

function ticks(kind, told, block, place, naming) {
  const many = kind === "checkbox";
  const group = make("div", { ...naming, role: many ? "group" : "radiogroup", class: "ticks" });
  if (many) ["aria-required", "aria-invalid"].forEach((name) => group.removeAttribute(name));
  const name = freshId("ticks");
  const boxes = told.options.map((option) => {
    const box = make("input", { type: kind, name, "data-action": `${told.action_id} ${option.value}` });
    group.append(tick(box, option, place.names));
    return box;
  });

  let held = [heldBy(told, block, place) ?? []].flat();
  const show = () => boxes.forEach((box, at) => {
    box.checked = held.some((option) => option.value === told.options[at].value);
  });
  show();

  group.addEventListener("change", async () => {
    const before = held;
    held = told.options.filter((_, at) => boxes[at].checked);
    if (await offer(group, told, block, place, many ? held : (held[0] ?? null))) return;
    held = before;
    show();
  });
  return group;
}

function tick(box, option, names) {
  const more = option.description && make("span", { class: "detail" }, textOf(option.description, names));
  const words = make("span", { dir: "auto" }, textOf(option.text, names), more);
  return make("label", { class: "tick" }, box, words);
}
