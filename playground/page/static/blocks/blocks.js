// Block Kit's blocks as nodes; what stands in them and can be used is made by `elements`.

import { freshId, fragment, make } from "../base/dom.js";
import { textOf } from "../text/mrkdwn.js";
import { richText } from "../text/rich_text.js";
import { element } from "./elements.js";
import { image } from "./images.js";

/**
 * Where blocks stand, and what can be done there.
 *
 * @typedef {object} Place
 * @property {"message"|"modal"|"home"} kind
 * @property {import("../wire/names.js").Names} names
 * @property {string} me
 * @property {(action: object) => Promise<any>} press
 * @property {(block: object, element: object, query: string) => Promise<object>} suggest
 *   to the options, or groups of them
 * @property {(block: object, element: object, value: any) => Promise<any>} [choose] in forms
 * @property {(block: object, element: object, value: any) => void} [enter] in forms: typed, but not sent yet
 * @property {object} [values] what was entered so far, as `view.state.values`
 * @property {Object<string, string>} [errors] by block id
 */

const DRAWN = {
  actions: (block, place) => fragment(...block.elements.map((one) => element(one, block, place))),
  context: (block, place) => fragment(...block.elements.map((one) => contextPart(one, place))),
  divider: () => make("hr"),
  header: (block, place) => make("h3", { dir: "auto" }, textOf(block.text, place.names)),
  image: figure,
  input: field,
  rich_text: (block, place) => richText(block, place.names),
  section,
};

/** The types of block that are drawn. */
export const BLOCK_TYPES = Object.keys(DRAWN);

/**
 * @param {object[]} list
 * @param {Place} place
 * @returns {DocumentFragment}
 */
export function blocks(list, place) {
  return fragment(...list.map((one) => drawBlock(one, place)));
}

/**
 * One block. Lines that say what failed in it come to its end.
 *
 * @param {object} block
 * @param {Place} place
 * @returns {HTMLElement}
 */
export function drawBlock(block, place) {
  const draw = Object.hasOwn(DRAWN, block.type) ? DRAWN[block.type] : null;
  const shown = draw ? draw(block, place) : make("p", { class: "unsupported" }, `Unsupported block: ${block.type}`);
  return make("div", { class: `block ${draw ? block.type : "other"}` }, shown);
}

function section(block, place) {
  const { text, fields = [], accessory } = block;
  const words = make(
    "div",
    { class: "words" },
    text && paragraph(text, place),
    fields.length ? make("div", { class: "fields" }, ...fields.map((one) => paragraph(one, place))) : null,
  );
  return fragment(words, accessory && make("div", { class: "accessory" }, element(accessory, block, place)));
}

function paragraph(text, place) {
  return make("div", { class: "text", dir: "auto" }, textOf(text, place.names));
}

function contextPart(part, place) {
  return part.type === "image" ? image(part) : make("span", { dir: "auto" }, textOf(part, place.names));
}

function figure(block, place) {
  const title = block.title && make("figcaption", {}, textOf(block.title, place.names));
  return make("figure", {}, title, image(block));
}

/** An input with its label, its hint and what is wrong with it. */
function field(block, place) {
  const ids = { control: freshId("field"), label: freshId("label"), hint: freshId("hint"), wrong: freshId("wrong") };
  const wrong = place.errors?.[block.block_id];
  const naming = {
    id: ids.control,
    "aria-labelledby": ids.label,
    "aria-describedby": [wrong && ids.wrong, block.hint && ids.hint].filter(Boolean).join(" ") || null,
    "aria-invalid": wrong ? "true" : null,
    "aria-required": block.optional ? null : "true",
  };
  return fragment(
    make(
      "label",
      { id: ids.label, for: ids.control },
      textOf(block.label, place.names),
      block.optional ? make("span", { class: "optional" }, " (optional)") : null,
    ),
    element(block.element, block, place, naming),
    wrong ? make("p", { class: "wrong", id: ids.wrong }, wrong) : null,
    block.hint ? make("p", { class: "hint", id: ids.hint }, textOf(block.hint, place.names)) : null,
  );
}
