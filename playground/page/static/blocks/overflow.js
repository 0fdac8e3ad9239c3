// The menu behind "⋯".

import { freshId, make } from "../base/dom.js";
import { webAddress } from "../base/links.js";
import { besideControl } from "../base/popover.js";
import { textOf } from "../text/mrkdwn.js";
import { offer } from "./acting.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/**
 * @param {object} told
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 * @returns {HTMLElement}
 */
export function overflow(told, block, place) {
  const id = freshId("overflow");
  const named = { "aria-label": "More actions" };
  const pops = { "data-action": told.action_id, "aria-haspopup": "menu", "aria-controls": id };
  const opener = make("button", { type: "button", class: "button more", ...named, ...pops }, "⋯");
  const items = told.options.map((option) => item(option, place.names));
  const list = make("div", { id, role: "menu", popover: "manual", class: "popover overflow", ...named }, ...items);
  const popover = besideControl(opener, list, { end: true });
  const close = () => {
    popover.hide();
    opener.focus();
  };

  items.forEach((each, at) => each.addEventListener("click", () => {
    close();
    offer(opener, told, block, place, told.options[at]);
  }));
  // Pressed with the pointer while open, it must not take the focus: that would close the list before the click.
  opener.addEventListener("mousedown", (event) => event.preventDefault());
  opener.addEventListener("click", () => {
    if (popover.open) return popover.hide();
    popover.show();
    items[0].focus();
  });
  list.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (step) items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
    else if (event.key === "Home") items[0].focus();
    else if (event.key === "End") items.at(-1).focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    if (event.key !== "Tab") event.preventDefault();
  });
  list.addEventListener("focusout", ({ relatedTarget }) => {
    if (!list.contains(relatedTarget)) popover.hide();
  });
  return make("span", { class: "holder" }, opener, list);
}

function item(option, names) {
  const href = option.url && webAddress(option.url);
  const more = option.description && make("span", { class: "detail" }, textOf(option.description, names));
  const attributes = { role: "menuitem", tabindex: -1, class: "choice", dir: "auto" };
  return href
    ? make("a", { ...attributes, href, target: "_blank", rel: "noopener noreferrer" }, textOf(option.text, names), more)
    : make("button", { ...attributes, type: "button" }, textOf(option.text, names), more);
}
