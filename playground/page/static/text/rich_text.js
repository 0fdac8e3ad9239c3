// Rich text: what Slack's own editor makes, as sections, lists, quotes and code.

import { fragment, make } from "../base/dom.js";
import { link } from "../base/links.js";
import { broadcast, channelMention, groupMention, moment, personMention } from "./tokens.js";

const STYLES = { bold: "strong", italic: "em", strike: "s", underline: "u", highlight: "mark", code: "code" };

/**
 * @param {{elements: object[]}} block
 * @param {import("../wire/names.js").Names} names
 * @returns {DocumentFragment}
 */
export function richText(block, names) {
  return fragment(...block.elements.map((part) => partOf(part, names)));
}

function partOf(part, names) {
  const inside = () => part.elements.map((piece) => styled(piece, names));
  switch (part.type) {
    case "rich_text_section":
      return make("p", { class: "rich" }, ...inside());
    case "rich_text_quote":
      return make("blockquote", { dir: "auto" }, ...inside());
    case "rich_text_preformatted":
      return make("pre", {}, make("code", {}, ...inside()));
    case "rich_text_list":
      return list(part, names);
    default:
      return make("p", { class: "unsupported" }, `Unsupported text: ${part.type}`);
  }
}

function list({ style, indent = 0, offset = 0, elements }, names) {
  const ordered = style === "ordered";
  const items = elements.map((item) => make("li", {}, ...item.elements.map((piece) => styled(piece, names))));
  const start = ordered && offset ? offset + 1 : null;
  return make(ordered ? "ol" : "ul", { class: `indent-${Math.min(indent, 8)}`, start }, ...items);
}

function styled(piece, names) {
  const wrapped = Object.entries(STYLES).filter(([style]) => piece.style?.[style]);
  return wrapped.reduce((inner, [, tag]) => make(tag, {}, inner), pieceOf(piece, names));
}

function pieceOf(piece, names) {
  switch (piece.type) {
    case "text":
      return document.createTextNode(String(piece.text));
    case "link":
      return link(String(piece.url), String(piece.text || piece.url));
    case "user":
      return personMention(piece.user_id, names);
    case "usergroup":
      return groupMention(piece.usergroup_id, names);
    case "channel":
      return channelMention(piece.channel_id, names);
    case "broadcast":
      return broadcast(piece.range);
    case "emoji":
      return document.createTextNode(`:${piece.name}:`);
    case "color":
      return make("code", {}, String(piece.value));
    case "date":
      return moment(Number(piece.timestamp), String(piece.format), String(piece.fallback ?? ""), names.tz);
    default:
      return make("span", { class: "unsupported" }, `Unsupported text: ${piece.type}`);
  }
}
