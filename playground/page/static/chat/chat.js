// The left side: channels, the conversation with the app, its home; and at the top, who one is.

import { make } from "../base/dom.js";
import { reconcile } from "../base/reconcile.js";
import { HOME, hashOf } from "../wire/route.js";
import { unread } from "../wire/store.js";
import { avatar } from "./message.js";

const COUNTED = 99;

/**
 * @typedef {{id: string, name: string, kind: "channel"|"im"|"home", unread: number}} Listed
 */

/**
 * What stands in the sidebar, in order.
 *
 * @param {object} told the server's frame `hello`
 * @param {Map<string, import("../wire/store.js").Room>} rooms
 * @param {(channel: {id: string, read: string}) => string} readOf up to where each was read
 * @returns {Listed[]}
 */
export function sidebarOf(told, rooms, readOf) {
  const channels = told.channels.map((channel) => ({
    id: channel.id,
    name: channel.name,
    kind: channel.kind,
    unread: unread(rooms.get(channel.id), readOf(channel), told.me.id),
  }));
  return [...channels, { id: HOME, name: "App Home", kind: "home", unread: 0 }];
}

const SECTIONS = [
  ["channel", "Channels"],
  ["im", "Direct messages"],
  ["home", "Apps"],
];

/**
 * @param {HTMLElement} root
 * @param {Listed[]} listed
 * @param {import("../wire/route.js").Route} route where the reader is
 */
export function drawSidebar(root, listed, route) {
  reconcile(
    root,
    SECTIONS.flatMap(([kind, name]) => [
      { key: `section ${kind}`, sign: [], draw: () => make("h2", {}, name) },
      ...listed.filter((one) => one.kind === kind).map((one) => row(one, route)),
    ]),
  );
}

function row({ id, name, kind, unread: count }, { person, channel }) {
  const here = id === channel;
  return {
    key: id,
    sign: [name, count, here, person],
    draw: () => {
      const mark = make("span", { class: "sign", "aria-hidden": "true" }, { channel: "#", im: "●", home: "⌂" }[kind]);
      const counted = count > COUNTED ? `${COUNTED}+` : String(count);
      const badge = count ? make("span", { class: "count" }, counted, make("span", { class: "unseen" }, " unread")) : null;
      const state = { "aria-current": here ? "page" : null, class: count ? "channel unread" : "channel" };
      const href = hashOf({ person, channel: id });
      return make("a", { href, "data-action": id, ...state }, mark, make("span", { class: "name" }, name), badge);
    },
  };
}

/**
 * @param {HTMLElement} root
 * @param {object} told
 * @param {import("../wire/route.js").Route} route
 */
export function drawPeople(root, told, route) {
  const playable = told.people.filter((person) => person.playable);
  reconcile(root, playable.map((person) => who(person, told, route)));
  root.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** Whoever one becomes, one stays in the same channel if they are in it. */
function who(person, told, route) {
  const here = person.id === route.person;
  const stay = told.channels.find(({ id, kind }) => id === route.channel && kind === "channel");
  const channel = stay?.id ?? (route.channel === HOME ? HOME : "");
  return {
    key: person.id,
    sign: [person.name, person.title, here, channel],
    draw: () =>
      make(
        "a",
        { href: hashOf({ person: person.id, channel }), "aria-current": here ? "page" : null, "data-action": person.id, class: "person" },
        avatar(person.id, told.people, told.app),
        make("span", { class: "who" }, make("b", {}, person.name), make("span", {}, person.title)),
      ),
  };
}
