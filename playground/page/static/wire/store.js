// What the server told so far.

/**
 * @typedef {{message: object, ephemeral: boolean}} Item a message in Slack's shape, and who sees it
 * @typedef {object} Room
 * @property {Map<string, Item>} items by ts
 * @property {Item[]} ordered the same, oldest first
 * @property {boolean} older whether the server has more before these
 * @property {boolean} stale told on a connection that is gone; the next frame replaces it
 */

/** @returns {{told: object|null, rooms: Map<string, Room>, form: object|null, home: object|null, beside: object|null}} */
export function emptyStore() {
  return { told: null, rooms: new Map(), form: null, home: null, beside: null };
}

/**
 * Takes in one frame. What was shown before a reconnection stays until the server has told it anew.
 *
 * @param {ReturnType<typeof emptyStore>} store
 * @param {object} frame
 */
export function take(store, frame) {
  if (frame.kind === "hello") for (const room of store.rooms.values()) room.stale = true;
  if (frame.kind === "hello" || frame.kind === "people") {
    store.told = frame;
    const known = new Set(frame.channels.map(({ id }) => id));
    for (const id of store.rooms.keys()) if (!known.has(id)) store.rooms.delete(id);
  }
  if (frame.kind === "messages") takeMessages(store, frame);
  if (frame.kind === "form") store.form = frame.form;
  if (frame.kind === "home") store.home = frame.view;
  if (frame.kind === "beside") store.beside = frame.state;
}

function takeMessages(store, { channel, shown, gone, older }) {
  const before = store.rooms.get(channel);
  const known = before && !before.stale ? before : { items: new Map(), ordered: [] };
  const { items } = known;
  const newest = known.ordered.at(-1)?.message.ts ?? "";
  const inOrder = shown.every(({ message }) => message.ts > newest || items.has(message.ts));
  for (const item of shown) items.set(item.message.ts, item);
  for (const ts of gone) items.delete(ts);
  const ordered = [...items.values()]; // a map keeps the order in which its keys came
  store.rooms.set(channel, inOrder ? { items, ordered, older, stale: false } : sorted(ordered, older));
}

function sorted(ordered, older) {
  ordered.sort(byTs);
  return { items: new Map(ordered.map((item) => [item.message.ts, item])), ordered, older, stale: false };
}

function byTs(one, other) {
  return one.message.ts < other.message.ts ? -1 : 1;
}

/**
 * How many messages by others came after what was read.
 *
 * @param {Room|undefined} room
 * @param {string} read ts
 * @param {string} me
 */
export function unread(room, read, me) {
  if (!room) return 0;
  let count = 0;
  for (let at = room.ordered.length - 1; at >= 0 && room.ordered[at].message.ts > read; at -= 1) {
    if (room.ordered[at].message.user !== me) count += 1;
  }
  return count;
}

/** @param {Item} item whether it stands in a thread, not in the channel */
export function isReply({ message }) {
  return Boolean(message.thread_ts) && message.thread_ts !== message.ts;
}

/**
 * Replies by the ts of what they reply to, oldest first.
 *
 * @param {Room} room
 * @returns {Map<string, Item[]>}
 */
export function threadsOf(room) {
  const threads = new Map();
  for (const item of room.ordered) {
    if (!isReply(item)) continue;
    const root = item.message.thread_ts;
    if (!threads.has(root)) threads.set(root, []);
    threads.get(root).push(item);
  }
  return threads;
}
