// What somebody typed, as Slack takes it: escaped, and names turned into mentions.

const BROADCASTS = ["here", "channel", "everyone"];

/**
 * @param {string} typed
 * @param {import("../wire/names.js").Names} names
 * @returns {string} mrkdwn
 */
export function outgoing(typed, names) {
  const mentions = mentionsOf(names);
  const escaped = typed.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return escaped.replace(/(?<![\p{L}\p{N}])[@#]\S[^@#]*/gu, (part) => meant(part, mentions));
}

function mentionsOf(names) {
  const all = [
    ...names.people.map(({ id, name }) => [`@${name}`, `<@${id}>`]),
    ...names.groups.map(({ id, handle }) => [`@${handle}`, `<!subteam^${id}>`]),
    ...BROADCASTS.map((name) => [`@${name}`, `<!${name}>`]),
    ...names.channels.filter(({ kind }) => kind === "channel").map(({ id, name }) => [`#${name}`, `<#${id}>`]),
  ];
  return all.sort(([one], [other]) => other.length - one.length);
}

/** A part that may begin with a mention; the longest name wins, and it must end where the word ends. */
function meant(part, mentions) {
  const said = part.toLowerCase();
  for (const [shown, sent] of mentions) {
    const rest = part.slice(shown.length);
    if (said.startsWith(shown.toLowerCase()) && !/^[\p{L}\p{N}_-]/u.test(rest)) return sent + rest;
  }
  return part;
}

/**
 * A slash command taken apart.
 *
 * @param {string} typed
 * @returns {{name: string, text: string}|null} null if it is none
 */
export function commandOf(typed) {
  const found = /^(\/\S+)\s*([^]*)$/.exec(typed);
  return found ? { name: found[1], text: found[2].trim() } : null;
}
