import { dated, said } from "../base/dates.js";
import { make } from "../base/dom.js";
import { link } from "../base/links.js";

const BROADCASTS = ["here", "channel", "everyone"];

/** @typedef {import("../wire/names.js").Names} Names */

/**
 * @param {string} text
 * @param {boolean} [mine] whether it calls the reader
 */
function mention(text, mine = false) {
  return make("span", { class: mine ? "mention mine" : "mention" }, text);
}

/** @param {string} id @param {Names} names */
export function personMention(id, names) {
  return mention(`@${names.person(id)}`, id === names.me);
}

/** @param {string} id @param {Names} names */
export function groupMention(id, names) {
  return mention(`@${names.group(id)}`);
}

/** @param {string} id @param {Names} names */
export function channelMention(id, names) {
  return mention(`#${names.channel(id)}`);
}

/** @param {string} range here, channel or everyone */
export function broadcast(range) {
  return mention(`@${range}`, true);
}

/**
 * A moment as the reader's calendar and clock show it.
 * @param {number} seconds
 * @param {string} form as in Slack's `<!date^…>`
 * @param {string} otherwise where there is no such moment
 * @param {string} tz
 */
export function moment(seconds, form, otherwise, tz) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return document.createTextNode(otherwise);
  const title = said(when, tz, { dateStyle: "full", timeStyle: "long" });
  return make("time", { datetime: when.toISOString(), title }, dated(when, form, tz));
}

function dateToken(target, otherwise, names) {
  const [, seconds, form, address] = target.split("^");
  if (!/^\d+$/.test(seconds ?? "") || !form) return document.createTextNode(otherwise);
  const shown = moment(Number(seconds), form, otherwise, names.tz);
  return address ? link(address, shown) : shown;
}

/**
 * What stood between `<` and `>`: a mention, a date, or a link.
 * @param {string} inside with Slack's three escapes undone
 * @param {Names} names
 * @returns {Node}
 */
export function token(inside, names) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const words = bar < 0 ? "" : inside.slice(bar + 1);
  const id = target.slice(1);
  if (target.startsWith("!date^")) return dateToken(target, words, names);
  if (target.startsWith("!subteam^")) return groupMention(target.slice("!subteam^".length), names);
  if (target[0] === "!") return BROADCASTS.includes(id) ? broadcast(id) : document.createTextNode(words || `<${id}>`);
  if (target[0] === "@") return personMention(id, names);
  if (target[0] === "#") return channelMention(id, names);
  return link(target, words || target);
}
