// What the message box offers while somebody types: commands at the beginning, names after `@` and `#`.

const MOST = 8;

/**
 * @typedef {{label: string, note: string, insert: string}} Hint
 * @typedef {{from: number, hints: Hint[], first: boolean}} Offer
 *   `from`: where the text begins that a hint replaces; `first`: whether Enter takes the first hint
 */

/**
 * @param {string} text up to the caret
 * @param {{name: string, hint: string}[]} commands
 * @param {import("../wire/names.js").Names} names
 * @returns {Offer|null}
 */
export function offerFor(text, commands, names) {
  if (text.startsWith("/")) return offerCommands(text, commands);
  const found = /(?:^|[\s(])([@#])([\p{L}\p{N}._-]*)$/u.exec(text);
  if (!found) return null;
  const [, sign, begun] = found;
  const hints = (sign === "@" ? peopleLike(begun, names) : channelsLike(begun, names)).slice(0, MOST);
  const whole = hints.some(({ label }) => label.slice(1).toLowerCase() === begun.toLowerCase());
  return hints.length ? { from: text.length - begun.length - 1, hints, first: !whole } : null;
}

function offerCommands(text, commands) {
  const ways = commands.flatMap(({ name, hint }) => waysOf(name, hint));
  const typed = text.toLowerCase();
  const hints = ways.filter(({ insert }) => insert.startsWith(typed) && insert.trim() !== typed.trim());
  const known = commands.some(({ name }) => text === name || text.startsWith(`${name} `));
  return hints.length ? { from: 0, hints, first: !known } : null;
}

/** `/jit` with the hint `request … | list` can be typed in two ways. */
function waysOf(name, hint) {
  const ways = hint.split("|").map((way) => way.trim()).filter(Boolean);
  if (!ways.length) return [{ label: name, note: "", insert: `${name} ` }];
  return ways.map((way) => {
    const [first, ...rest] = way.split(" ");
    return { label: `${name} ${first}`, note: rest.join(" "), insert: `${name} ${first} ` };
  });
}

function peopleLike(begun, names) {
  const known = [...names.people].sort((one, other) => other.playable - one.playable);
  const people = known.map(({ name, title }) => ({ label: `@${name}`, note: title, insert: `@${name} ` }));
  const groups = names.groups.map(({ handle }) => ({ label: `@${handle}`, note: "group", insert: `@${handle} ` }));
  return [...people, ...groups].filter(({ label }) => startsLike(label, begun));
}

function channelsLike(begun, names) {
  return names.channels
    .filter(({ kind }) => kind === "channel")
    .map(({ name, topic }) => ({ label: `#${name}`, note: topic, insert: `#${name} ` }))
    .filter(({ label }) => startsLike(label, begun));
}

function startsLike(label, begun) {
  return label.slice(1).toLowerCase().startsWith(begun.toLowerCase());
}
