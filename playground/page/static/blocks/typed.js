// Fields to type into. What is typed is kept at once, sent on leaving the field, and told to the app where it asked.

import { make } from "../base/dom.js";
import { offer } from "./acting.js";
import { heldBy } from "./action.js";

const INPUTS = {
  plain_text_input: { type: "text" },
  number_input: { type: "text", inputmode: "decimal" },
  email_text_input: { type: "email" },
  url_text_input: { type: "url" },
};
const PAUSE_MS = 300;

/** The types of element that are typed into. */
export const TYPED_TYPES = Object.keys(INPUTS);

/**
 * @param {object} told
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 * @param {object} naming
 * @returns {HTMLElement}
 */
export function typed(told, block, place, naming) {
  const attributes = {
    ...naming,
    class: "typed",
    "data-action": told.action_id,
    placeholder: told.placeholder?.text,
    autocomplete: "off",
    dir: "auto",
  };
  const input = told.multiline
    ? make("textarea", { ...attributes, rows: 4 })
    : make("input", { ...attributes, ...INPUTS[told.type] });
  input.value = heldBy(told, block, place) ?? "";
  const value = () => input.value || null;

  const tells = block.dispatch_action ? told.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"] : [];
  const keptOnly = { ...block, dispatch_action: false };
  let pause = 0;
  input.addEventListener("input", () => {
    place.enter?.(block, told, value());
    if (!tells.includes("on_character_entered")) return;
    clearTimeout(pause);
    pause = setTimeout(() => offer(input, told, block, place, value()), PAUSE_MS);
  });
  input.addEventListener("change", () => offer(input, told, keptOnly, place, value()));
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || told.multiline || !tells.includes("on_enter_pressed")) return;
    event.preventDefault();
    offer(input, told, block, place, value());
  });
  return input;
}
