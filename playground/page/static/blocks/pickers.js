// Dates and times, by the browser's own pickers.

import { momentOf, wallTime } from "../base/dates.js";
import { make } from "../base/dom.js";
import { offer } from "./acting.js";
import { heldBy } from "./action.js";

const AS_IT_IS = { shown: (value) => value, read: (text) => text };

/** @type {(told: object, block: object, place: import("./blocks.js").Place, naming: object) => HTMLElement} */
export function datePicker(...given) {
  return picker("date", AS_IT_IS, ...given);
}

/** @type {(told: object, block: object, place: import("./blocks.js").Place, naming: object) => HTMLElement} */
export function timePicker(...given) {
  return picker("time", AS_IT_IS, ...given);
}

/**
 * A moment, in the reader's time zone.
 *
 * @type {(told: object, block: object, place: import("./blocks.js").Place, naming: object) => HTMLElement}
 */
export function dateTimePicker(told, block, place, naming) {
  const { tz } = place.names;
  const form = { shown: (seconds) => wallTime(seconds, tz), read: (wall) => momentOf(wall, tz) };
  return picker("datetime-local", form, told, block, place, naming);
}

function picker(type, { shown, read }, told, block, place, naming) {
  const input = make("input", { ...naming, type, class: "picker", "data-action": told.action_id });
  let held = heldBy(told, block, place);
  const show = () => {
    input.value = held === null ? "" : shown(held);
  };
  show();
  input.addEventListener("change", async () => {
    const before = held;
    held = input.value ? read(input.value) : null;
    if (await offer(input, told, block, place, held)) return;
    held = before;
    show();
  });
  return input;
}
