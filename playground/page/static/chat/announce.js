// Tells a screen reader what comes in where the reader is.

import { mrkdwn } from "../text/mrkdwn.js";

/** @param {HTMLElement} root a polite live region */
export function announcer(root) {
  let where = "";
  let last = "";

  return {
    /**
     * @param {string} channel
     * @param {import("../wire/store.js").Room|undefined} room
     * @param {import("../wire/names.js").Names} names
     */
    show(channel, room, names) {
      if (!room) return;
      const newest = room.ordered.at(-1)?.message.ts ?? "";
      const place = `${names.me}/${channel}`;
      const fresh = where === place ? room.ordered.filter(({ message }) => message.ts > last && message.user !== names.me) : [];
      if (fresh.length) root.replaceChildren(...fresh.map((item) => line(item, names)));
      where = place;
      last = newest > last || fresh.length === 0 ? newest : last;
    },
  };
}

function line({ message, ephemeral }, names) {
  const only = ephemeral ? "Only visible to you. " : "";
  const said = document.createElement("p");
  said.textContent = `${only}${names.person(message.user)}: ${mrkdwn(message.text ?? "", names).textContent}`;
  return said;
}
