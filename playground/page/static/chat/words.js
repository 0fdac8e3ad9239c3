// What the page calls the place one is in.

/**
 * @typedef {import("../wire/names.js").Channel|undefined} Shown undefined stands for the App Home
 */

/** @param {Shown} channel */
export function titleOf(channel) {
  if (!channel) return "App Home";
  return channel.kind === "im" ? channel.name : `#${channel.name}`;
}

/**
 * @param {Shown} channel
 * @param {{name: string}} app
 */
export function topicOf(channel, app) {
  if (!channel) return `What ${app.name} shows to you alone`;
  return channel.kind === "im" ? `Only you and ${app.name} read this` : channel.topic;
}

/**
 * What stands above the first message.
 *
 * @param {Shown} channel
 * @param {{name: string}} app
 */
export function welcomeOf(channel, app) {
  if (channel?.kind !== "channel") return `Here ${app.name} writes to you alone.`;
  return `This is where #${channel.name} begins. ${channel.topic}`;
}

/**
 * @param {import("./chat.js").Listed[]} listed in the sidebar
 * @param {string} title of what is shown
 * @param {string} me the reader's name
 */
export function pageTitle(listed, title, me) {
  const count = listed.reduce((sum, one) => sum + one.unread, 0);
  return `${count ? `(${count}) ` : ""}${title} · ${me} · jit playground`;
}
