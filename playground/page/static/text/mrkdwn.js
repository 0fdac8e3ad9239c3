// Slack's markup of a whole text: blocks of code, quotes and lines; `inline` knows what stands in a line.

import { fragment, make } from "../base/dom.js";
import { inline } from "./inline.js";

const CODE_BLOCK = /\n?```([^]+?)```\n?/;
const QUOTED = /^(?:>|&gt;) ?/;
const QUOTED_TO_THE_END = /^(?:>>>|&gt;&gt;&gt;) ?/;

/**
 * Slack's markup as nodes. Shortcodes such as `:tada:` stay as they are.
 *
 * @param {string} text escaped as Slack wants it (`&amp; &lt; &gt;`)
 * @param {import("../wire/names.js").Names} names
 * @param {{verbatim?: boolean}} [options] verbatim: bare addresses are no links
 * @returns {DocumentFragment}
 */
export function mrkdwn(text, names, { verbatim = false } = {}) {
  const how = { names, verbatim };
  const parts = text.split(CODE_BLOCK);
  return fragment(...parts.flatMap((part, at) => (at % 2 ? codeBlock(part, how) : prose(part, how))));
}

/**
 * A text object, plain or mrkdwn.
 *
 * @param {{type: string, text: string, verbatim?: boolean}} text
 * @param {import("../wire/names.js").Names} names
 * @returns {DocumentFragment}
 */
export function textOf(text, names) {
  return text.type === "mrkdwn" ? mrkdwn(text.text, names, text) : fragment(String(text.text));
}

function codeBlock(text, how) {
  const lines = text.replace(/^\n|\n$/g, "").split("\n");
  const shown = lines.map((line) => inline(line, { ...how, verbatim: true }, ""));
  return make("pre", {}, make("code", {}, ...between(shown, () => "\n")));
}

function prose(text, how) {
  return text === "" ? [] : runsOf(text.split("\n")).flatMap(({ quoted, lines }) => {
    const shown = between(lines.map((line) => inline(line, how)), () => make("br"));
    return quoted ? [make("blockquote", {}, ...shown)] : shown;
  });
}

/** Runs of lines, quoted or not, in order. */
function runsOf(lines) {
  const runs = [];
  let toTheEnd = false;
  for (const line of lines) {
    const starts = !toTheEnd && QUOTED_TO_THE_END.test(line);
    const mark = starts ? QUOTED_TO_THE_END : QUOTED;
    const quoted = toTheEnd || mark.test(line);
    const said = toTheEnd ? line : line.replace(mark, "");
    if (runs.at(-1)?.quoted === quoted && !starts) runs.at(-1).lines.push(said);
    else runs.push({ quoted, lines: [said] });
    toTheEnd ||= starts;
  }
  return runs;
}

function between(lists, separator) {
  return lists.flatMap((list, at) => (at ? [separator(), ...list] : list));
}
