// The messages of a channel, newest at the bottom; more of them as the reader looks back.

import { make } from "../base/dom.js";
import { reconcile } from "../base/reconcile.js";
import { dayKey, dayName } from "../base/times.js";
import { isReply, threadsOf } from "../wire/store.js";
import { drawMessage } from "./message.js";

const STEP = 100;
const NEAR_TOP = 400;
const NEAR_BOTTOM = 60;
const TOGETHER = 5 * 60;

/**
 * @param {HTMLElement} root scrolls
 * @param {object} acts
 * @param {(before: string) => void} acts.older asks the server for what was said before
 * @param {(ts: string) => void} acts.read the reader has seen everything up to there
 */
export function messageList(root, acts) {
  const earlier = make("button", { type: "button", class: "earlier", hidden: true }, "Show earlier messages");
  const list = make("div", { class: "rows" });
  const jump = make("button", { type: "button", class: "jump", hidden: true }, "To the newest ↓");
  root.append(earlier, list, make("div", { class: "jump-line" }, jump));

  let shown = null;
  let from = "";
  let asked = "";
  let bottom = true;

  const atBottom = () => root.scrollHeight - root.scrollTop - root.clientHeight < NEAR_BOTTOM;

  const lookBack = () => {
    if (!shown || earlier.hidden) return;
    const own = inChannel(shown.room);
    const oldest = shown.room.ordered[0]?.message.ts;
    const at = own.findIndex(({ message }) => message.ts >= from);
    from = own[at - STEP]?.message.ts ?? "";
    if (at > 0) draw();
    else if (oldest && asked !== oldest) {
      asked = oldest;
      acts.older(oldest);
    }
  };

  const sayRead = () => {
    const last = shown?.room.ordered.at(-1);
    if (last && !document.hidden && root.clientHeight && atBottom()) acts.read(last.message.ts);
  };

  const draw = () => {
    const { room, reading, readUpTo } = shown;
    const stuck = atBottom();
    if (room.ordered[0]?.message.ts !== asked) asked = "";
    const anchor = stuck ? null : anchorOf(root, list);
    const own = inChannel(room);
    if (stuck) from = own.at(-STEP)?.message.ts ?? "";
    const rows = own.filter(({ message }) => message.ts >= from);
    const begins = !room.older && rows.length === own.length;
    reconcile(list, rowsOf(rows, threadsOf(room), reading, readUpTo, begins));
    earlier.hidden = begins;
    if (stuck) toBottom();
    else if (anchor) root.scrollTop += topOf(anchor.key, list) - anchor.top;
    moved();
  };

  const toBottom = () => {
    root.scrollTop = root.scrollHeight;
  };

  const moved = () => {
    bottom = atBottom();
    jump.hidden = bottom;
    sayRead();
  };

  root.addEventListener("scroll", () => {
    moved();
    if (root.scrollTop < NEAR_TOP) lookBack();
  });
  jump.addEventListener("click", () => {
    toBottom();
    root.focus();
  });
  earlier.addEventListener("click", lookBack);
  document.addEventListener("visibilitychange", sayRead);
  new ResizeObserver(() => {
    if (bottom) toBottom();
    moved();
  }).observe(root);

  return {
    /** Goes to the newest, where what the reader is about to send will stand. */
    toBottom,

    /**
     * @param {string} channel
     * @param {import("../wire/store.js").Room|undefined} room undefined until the server has told it
     * @param {import("./message.js").Reading} reading
     * @param {string} read up to where the reader had read
     */
    show(channel, room, reading, read) {
      const other = shown?.channel !== channel || shown?.me !== reading.names.me;
      if (!room) {
        if (other) clear();
        return;
      }
      if (other) {
        clear();
        shown = { channel, me: reading.names.me, readUpTo: firstUnread(room, read, reading.names.me) };
      }
      shown = { ...shown, room, reading };
      draw();
      if (!other) return;
      toBottom();
      moved();
    },
  };

  function clear() {
    shown = null;
    from = "";
    asked = "";
    reconcile(list, []);
    earlier.hidden = true;
  }
}

/** What stands in the channel itself; a reply does too if what it replies to is not here. */
function inChannel(room) {
  return room.ordered.filter((item) => !isReply(item) || !room.items.has(item.message.thread_ts));
}

/** The ts under the line "New"; nothing is new to somebody who has read nothing yet. */
function firstUnread(room, read, me) {
  if (!read) return "";
  return room.ordered.find(({ message }) => message.ts > read && message.user !== me)?.message.ts ?? "";
}

function rowsOf(items, threads, reading, newFrom, begins) {
  const { names, welcome } = reading;
  const rows = [];
  let before = null;
  let dayBefore = "";
  if (begins) rows.push({ key: "start", sign: [welcome], draw: () => make("p", { class: "start" }, welcome) });
  for (const item of items) {
    const { ts } = item.message;
    const day = dayKey(ts, names.tz);
    const nextDay = day !== dayBefore;
    if (nextDay) rows.push(dayRow(day, ts, names.tz));
    if (ts === newFrom) rows.push({ key: "new", sign: [], draw: () => make("div", { class: "new-line" }, "New") });
    const replies = threads.get(ts) ?? [];
    const continued = !nextDay && ts !== newFrom && follows(before, item) && !replies.length;
    rows.push({
      key: ts,
      sign: [item, continued, replies.at(-1), replies.length, names],
      draw: () => drawMessage(item, reading, { continued, replies }),
    });
    before = item;
    dayBefore = day;
  }
  return rows;
}

function dayRow(day, ts, tz) {
  const name = dayName(ts, tz);
  return { key: day, sign: [name], draw: () => make("div", { class: "day" }, make("span", {}, name)) };
}

function follows(before, { message, ephemeral }) {
  return (
    before.message.user === message.user &&
    before.ephemeral === ephemeral &&
    Number(message.ts) - Number(before.message.ts) < TOGETHER
  );
}

/** A row on the screen and where it stands, so that it can be put back there. */
function anchorOf(root, list) {
  const { top } = root.getBoundingClientRect();
  for (const node of list.querySelectorAll(":scope > [data-ts]")) {
    const box = node.getBoundingClientRect();
    if (box.bottom > top) return { key: node.dataset.ts, top: box.top };
  }
  return null;
}

function topOf(key, list) {
  const node = list.querySelector(`:scope > [data-ts="${key}"]`);
  return node ? node.getBoundingClientRect().top : 0;
}
