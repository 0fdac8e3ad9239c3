// Block Kit's interactive elements, by type.

import { make } from "../base/dom.js";
import { button } from "./button.js";
import { image } from "./images.js";
import { menu, MENU_TYPES } from "./menus.js";
import { overflow } from "./overflow.js";
import { datePicker, dateTimePicker, timePicker } from "./pickers.js";
import { checkboxes, radioButtons } from "./ticks.js";
import { TYPED_TYPES, typed } from "./typed.js";

const DRAWN = {
  button,
  checkboxes,
  datepicker: datePicker,
  datetimepicker: dateTimePicker,
  image,
  overflow,
  radio_buttons: radioButtons,
  timepicker: timePicker,
  ...Object.fromEntries(MENU_TYPES.map((type) => [type, menu])),
  ...Object.fromEntries(TYPED_TYPES.map((type) => [type, typed])),
};

/** The types of element that are drawn and work. */
export const ELEMENT_TYPES = Object.keys(DRAWN);

/**
 * One element as a control that acts where it stands.
 *
 * @param {object} told the element
 * @param {object} block the block it stands in
 * @param {import("./blocks.js").Place} place
 * @param {object} [naming] attributes that name and describe it, in an input block
 * @returns {HTMLElement}
 */
export function element(told, block, place, naming) {
  if (!Object.hasOwn(DRAWN, told.type)) {
    return make("span", { class: "unsupported" }, `Unsupported element: ${told.type}`);
  }
  return DRAWN[told.type](told, block, place, naming ?? { "aria-label": nameOf(told, block) });
}

/** What to call an element that has no label of its own. */
function nameOf(told, block) {
  return told.placeholder?.text || block.text?.text || told.type.replaceAll("_", " ");
}
