// The box to write in. Enter sends, Shift and Enter begins a new line; what was begun stays with its channel.

import { freshId, make } from "../base/dom.js";
import { offerFor } from "./hints.js";

/**
 * @typedef {object} Writing what is written, and where to
 * @property {string} key tells drafts apart
 * @property {string} label
 * @property {{name: string, hint: string}[]} commands
 * @property {import("../wire/names.js").Names} names
 */

/**
 * @param {HTMLElement} root
 * @param {(typed: string) => Promise<void>} send rejects with a sentence when it did not go
 * @returns {{show: (writing: Writing) => void, put: (text: string) => void, focus: () => void}}
 */
export function composer(root, send) {
  const ids = { list: freshId("hints"), note: freshId("note") };
  const box = make("textarea", {
    rows: 1,
    "aria-autocomplete": "list",
    "aria-controls": ids.list,
    "aria-describedby": ids.note,
    enterkeyhint: "send",
  });
  const list = make("ul", { id: ids.list, class: "hints", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const note = make("p", { id: ids.note, class: "note", role: "status" });
  const button = make("button", { type: "submit", class: "send" }, "Send");
  const form = make("form", { class: "composer" }, list, make("div", { class: "writing" }, box, button), note);
  root.append(form);

  let writing = null;
  let offer = null;
  let active = -1;

  const keep = () => {
    if (box.value) sessionStorage.setItem(writing.key, box.value);
    else sessionStorage.removeItem(writing.key);
  };

  const changed = () => {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
    button.disabled = !box.value.trim();
  };

  const offerAgain = () => {
    offer = offerFor(box.value.slice(0, box.selectionStart), writing.commands, writing.names);
    active = offer?.first ? 0 : -1;
    drawHints();
  };

  const drawHints = () => {
    list.hidden = !offer;
    list.replaceChildren(...(offer?.hints ?? []).map((hint, at) => hintLine(hint, at)));
    if (active >= 0) box.setAttribute("aria-activedescendant", `${ids.list}-${active}`);
    else box.removeAttribute("aria-activedescendant");
  };

  const hintLine = ({ label, note: more }, at) => {
    const id = `${ids.list}-${at}`;
    const line = make("li", { id, role: "option", "aria-selected": at === active ? "true" : "false" }, make("b", {}, label), " ", more);
    line.addEventListener("mousedown", (event) => {
      event.preventDefault();
      pick(at);
    });
    return line;
  };

  const pick = (at) => {
    const caret = box.selectionStart;
    const before = box.value.slice(0, offer.from) + offer.hints[at].insert;
    const rest = box.value.slice(caret);
    box.value = before + rest;
    box.setSelectionRange(before.length, before.length);
    changed();
    keep();
    offerAgain();
  };

  const close = () => {
    offer = null;
    active = -1;
    drawHints();
  };

  const go = async () => {
    const typed = box.value.trim();
    const { key } = writing;
    if (!typed) return;
    write("");
    note.textContent = "";
    try {
      await send(typed);
    } catch (failed) {
      note.textContent = failed.message;
      if (writing.key === key && !box.value) write(typed);
    }
  };

  const write = (text) => {
    box.value = text;
    keep();
    changed();
    close();
  };

  const onHints = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) active = around(active + step, offer.hints.length);
    else if (event.key === "Escape") offer = null;
    else if (active >= 0 && ["Enter", "Tab"].includes(event.key) && !event.shiftKey) pick(active);
    else return false;
    event.preventDefault();
    drawHints();
    return true;
  };

  box.addEventListener("keydown", (event) => {
    if (event.isComposing || (offer && onHints(event))) return;
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    go();
  });
  box.addEventListener("input", () => {
    note.textContent = "";
    keep();
    changed();
    offerAgain();
  });
  box.addEventListener("blur", close);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
    box.focus();
  });

  return {
    show(next) {
      const other = writing?.key !== next.key;
      writing = next;
      if (!other) return;
      box.placeholder = next.label;
      box.setAttribute("aria-label", next.label);
      box.value = sessionStorage.getItem(next.key) ?? "";
      note.textContent = "";
      changed();
      close();
    },
    put(text) {
      write(text);
      box.focus();
      box.setSelectionRange(text.length, text.length);
    },
    focus: () => box.focus({ preventScroll: true }),
  };
}

/** The place itself, or the other end where the list is over. */
function around(place, count) {
  if (place < 0) return count - 1;
  return place < count ? place : 0;
}
