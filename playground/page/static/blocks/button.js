import { make } from "../base/dom.js";
import { webAddress } from "../base/links.js";
import { textOf } from "../text/mrkdwn.js";
import { use } from "./acting.js";
import { actionOf } from "./action.js";

/**
 * @param {object} told
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 * @returns {HTMLElement} a link where it leads somewhere; the app hears of the press all the same
 */
export function button(told, block, place) {
  const href = told.url && webAddress(told.url);
  const attributes = {
    class: ["button", told.style].filter(Boolean).join(" "),
    "data-action": told.action_id,
    "aria-label": told.accessibility_label,
  };
  const words = make("span", { dir: "auto" }, textOf(told.text, place.names));
  const made = href
    ? make("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer" }, words)
    : make("button", { ...attributes, type: "button" }, words);
  made.addEventListener("click", () => {
    if (made.ariaBusy !== "true") use(made, told, place, () => place.press(actionOf(told, block)));
  });
  return made;
}
