// An element is used: it asks first where it must, is busy while the app answers, and says when that fails.

import { make } from "../base/dom.js";
import { actionOf, entryOf } from "./action.js";
import { confirmed } from "./confirm.js";

/**
 * @param {HTMLElement} control
 * @param {object} element
 * @param {import("./blocks.js").Place} place
 * @param {() => Promise<any>} act
 * @returns {Promise<boolean>} false if the person thought better of it
 */
export async function use(control, element, place, act) {
  if (element.confirm && !(await confirmed(element.confirm, place.names))) return false;
  const block = control.closest(".block");
  block?.querySelector(":scope > .failed")?.remove();
  control.setAttribute("aria-busy", "true");
  try {
    await act();
  } catch (failure) {
    block?.append(make("p", { class: "failed", role: "alert" }, failure.message));
  } finally {
    control.removeAttribute("aria-busy");
  }
  return true;
}

/**
 * A value was entered. A form keeps it; elsewhere the app is told.
 *
 * @param {HTMLElement} control
 * @param {object} element
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 * @param {any} value
 * @returns {Promise<boolean>} false if the person thought better of it
 */
export function offer(control, element, block, place, value) {
  return use(control, element, place, () => {
    if (place.kind === "modal") return place.choose(block, element, value);
    place.enter?.(block, element, value);
    const silent = block.type === "input" && !block.dispatch_action;
    return silent ? null : place.press(actionOf(element, block, entryOf(element, value)));
  });
}
