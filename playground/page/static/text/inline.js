import { make } from "../base/dom.js";
import { link } from "../base/links.js";
import { token } from "./tokens.js";

const TAGS = { "*": "strong", _: "em", "~": "s", "`": "code" };
const ESCAPED = { lt: "<", gt: ">", amp: "&" };
const BARE_ADDRESS = /https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]'*_~`]/g;

/** @typedef {{letter: string}|{inside: string}} Unit one letter, or what stood between `<` and `>` */

function unescaped(text) {
  return text.replace(/&(lt|gt|amp);/g, (_, name) => ESCAPED[name]);
}

/**
 * @param {string} line
 * @returns {Unit[]}
 */
function unitsOf(line) {
  return Array.from(line.matchAll(/<([^<>]+)>|&(lt|gt|amp);|[^]/gu), ([whole, inside, name]) =>
    inside === undefined ? { letter: name ? ESCAPED[name] : whole } : { inside: unescaped(inside) },
  );
}

function isWord(unit) {
  return /[\p{L}\p{N}]/u.test(unit?.letter ?? "");
}

function isSpace(unit) {
  return !unit || /\s/.test(unit.letter ?? "");
}

/** A mark opens at the border of a word, with something right after it. */
function opens(units, at) {
  const after = units[at + 1];
  return !isWord(units[at - 1]) && !isSpace(after) && after.letter !== units[at].letter;
}

/** Where the mark that opens at `at` closes: right after something, at the border of a word; -1 if nowhere. */
function closesAt(units, at) {
  const mark = units[at].letter;
  for (let end = at + 2; end < units.length; end += 1) {
    if (units[end].letter === mark && !isSpace(units[end - 1]) && !isWord(units[end + 1])) return end;
  }
  return -1;
}

function linked(text) {
  const nodes = [];
  let done = 0;
  for (const found of text.matchAll(BARE_ADDRESS)) {
    nodes.push(text.slice(done, found.index), link(found[0], found[0]));
    done = found.index + found[0].length;
  }
  return [...nodes, text.slice(done)].filter((part) => part !== "");
}

function formatted(units, marks, how) {
  const nodes = [];
  const hopeless = new Set();
  let plain = "";
  const flush = () => {
    nodes.push(...(how.verbatim ? [plain] : linked(plain)));
    plain = "";
  };
  for (let at = 0; at < units.length; at += 1) {
    const { letter, inside } = units[at];
    const may = marks.includes(letter) && !hopeless.has(letter) && opens(units, at);
    const end = may ? closesAt(units, at) : -1;
    // Where one mark finds no end, no later one of its kind does: looked for once, long lines stay quick.
    if (may && end < 0) hopeless.add(letter);
    if (end > 0) {
      flush();
      const rest = letter === "`" ? "" : marks.replace(letter, "");
      nodes.push(make(TAGS[letter], {}, ...formatted(units.slice(at + 1, end), rest, how)));
      at = end;
    } else if (inside !== undefined) {
      flush();
      nodes.push(token(inside, how.names));
    } else {
      plain += letter;
    }
  }
  flush();
  return nodes.filter((node) => node !== "");
}

/**
 * One line of mrkdwn.
 * @param {string} line
 * @param {{names: import("../wire/names.js").Names, verbatim: boolean}} how
 * @param {string} [marks] those that format
 * @returns {(Node|string)[]}
 */
export function inline(line, how, marks = "*_~`") {
  return formatted(unitsOf(line), marks, how);
}
