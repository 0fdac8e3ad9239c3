// What people call what has an id. An id nobody knows is shown as it is.

/**
 * @typedef {{id: string, name: string, title: string, bot: boolean, playable: boolean}} Person
 * @typedef {{id: string, name: string, kind: "channel" | "im", topic: string, read: string}} Channel
 * @typedef {{id: string, handle: string}} Group
 * @typedef {object} Names
 * @property {(id: string) => string} person
 * @property {(id: string) => string} channel without the `#`
 * @property {(id: string) => string} group without the `@`
 * @property {string} tz the reader's time zone, as in `Europe/Berlin`
 * @property {string} me the reader's id
 * @property {boolean} admin whether the reader may delete what others wrote
 * @property {Person[]} people
 * @property {Channel[]} channels those the reader is in, and the conversation with the app
 * @property {Group[]} groups
 */

const SLACKBOT = "USLACKBOT";

/**
 * @param {{me: {id: string, tz: string, admin: boolean}, people: Person[], channels: Channel[], groups: Group[]}} told
 *   the server's frame `hello` or `people`
 * @returns {Names}
 */
export function namesOf(told) {
  const person = new Map(told.people.map(({ id, name }) => [id, name]));
  const channel = new Map(told.channels.map(({ id, name }) => [id, name]));
  const group = new Map(told.groups.map(({ id, handle }) => [id, handle]));
  person.set(SLACKBOT, "Slackbot");
  return {
    person: (id) => person.get(id) ?? id,
    channel: (id) => channel.get(id) ?? id,
    group: (id) => group.get(id) ?? id,
    tz: told.me.tz,
    me: told.me.id,
    admin: told.me.admin,
    people: told.people,
    channels: told.channels,
    groups: told.groups,
  };
}

/**
 * The names from before if they say the same: what was drawn with them need not be drawn again.
 *
 * @param {Names|null} before
 * @param {Names} now
 */
export function sameNames(before, now) {
  const said = (names) => JSON.stringify(names, (key, value) => (key === "read" ? undefined : value));
  return before && said(before) === said(now) ? before : now;
}
