// Buttons beside the chat: busy while the server acts, and what it says is read out.

import { make } from "../base/dom.js";
import { Failed } from "../wire/control.js";

/**
 * @param {string} label
 * @param {() => Promise<any>} work
 * @param {(said: string, failed: boolean) => void} tell what came of it, as a sentence
 * @param {Object<string, string>} [attributes]
 * @returns {HTMLButtonElement}
 */
export function doingButton(label, work, tell, attributes = {}) {
  const button = make("button", { type: "button", class: "small", ...attributes }, label);
  button.addEventListener("click", () => doing(button, work, tell));
  return button;
}

/**
 * Does something once at a time for each control.
 * @param {HTMLElement} control
 * @param {() => Promise<any>} work
 * @param {(said: string, failed: boolean) => void} tell
 */
export async function doing(control, work, tell) {
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  tell("", false);
  try {
    const said = await work();
    tell(typeof said === "string" ? said : "", false);
  } catch (failure) {
    if (!(failure instanceof Failed)) throw failure;
    tell(failure.message, true);
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/**
 * A line that says what came of an act.
 * @returns {{root: HTMLElement, tell: (said: string, failed: boolean) => void}}
 */
export function note() {
  const root = make("p", { class: "told", role: "status" });
  const tell = (said, failed) => {
    root.textContent = said;
    root.classList.toggle("failed", failed);
  };
  return { root, tell };
}
