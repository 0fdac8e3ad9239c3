// A thread beside its channel: what it is about, the replies, and a box to reply in.

import { make } from "../base/dom.js";
import { reconcile } from "../base/reconcile.js";
import { threadsOf } from "../wire/store.js";
import { composer } from "./composer.js";
import { drawMessage } from "./message.js";

/**
 * @param {HTMLElement} root
 * @param {object} acts
 * @param {(typed: string) => Promise<void>} acts.reply
 * @param {() => void} acts.close
 */
export function threadPane(root, acts) {
  const close = make("button", { type: "button", class: "close", "aria-label": "Close the thread" }, "×");
  const where = make("p", {});
  const list = make("div", { class: "rows" });
  const scroll = make("div", { class: "scroll", tabindex: 0, "aria-label": "Replies", role: "region" }, list);
  const foot = make("div", {});
  root.append(make("header", { class: "head" }, make("h2", {}, "Thread"), where, close), scroll, foot);
  const box = composer(foot, acts.reply);
  let shown = "";

  close.addEventListener("click", acts.close);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) acts.close();
  });

  return {
    /**
     * @param {string} ts what the thread is about; empty shows none
     * @param {import("../wire/store.js").Room|undefined} room
     * @param {import("./message.js").Reading} reading
     * @param {string} channel its name
     */
    show(ts, room, reading, channel) {
      const before = shown;
      shown = ts;
      root.hidden = !ts;
      if (!ts || !room) return;
      where.textContent = channel;
      const item = room.items.get(ts);
      const replies = threadsOf(room).get(ts) ?? [];
      const inThread = { ...reading, openThread: null };
      const stuck = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
      reconcile(list, rowsOf(item, replies, inThread));
      if (stuck || before !== ts) scroll.scrollTop = scroll.scrollHeight;
      box.show({ key: `jit.draft/${reading.names.me}/${ts}`, label: "Reply", commands: [], names: reading.names });
      if (before !== ts) box.focus();
    },
  };
}

function rowsOf(item, replies, reading) {
  const row = (one) => ({ key: one.message.ts, sign: [one, reading.names], draw: () => drawMessage(one, reading) });
  const gone = { key: "gone", sign: [], draw: () => make("p", { class: "gone" }, "The first message is not here: it was deleted, or is further back.") };
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  const line = { key: "count", sign: [count], draw: () => make("div", { class: "day" }, make("span", {}, count)) };
  return [item ? row(item) : gone, ...(replies.length ? [line] : []), ...replies.map(row)];
}
