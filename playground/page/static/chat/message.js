// One message as a reader sees it.

import { make } from "../base/dom.js";
import { clockTime, whenSaid, wholeTime } from "../base/times.js";
import { blocks } from "../blocks/blocks.js";
import { confirmed } from "../blocks/confirm.js";
import { mrkdwn } from "../text/mrkdwn.js";

const TINTS = 6;

/**
 * @typedef {object} Reading what drawing a message needs to know
 * @property {import("../wire/names.js").Names} names
 * @property {{bot_user: string}} app
 * @property {string} welcome what stands above the first message of the channel
 * @property {(item: import("../wire/store.js").Item) => object} placeOf where its blocks act
 * @property {((ts: string) => void)|null} openThread null inside a thread
 * @property {((ts: string) => Promise<any>)|null} remove deletes a message; null for who may not
 */

/**
 * @param {import("../wire/store.js").Item} item
 * @param {Reading} reading
 * @param {{continued?: boolean, replies?: import("../wire/store.js").Item[]}} [how]
 *   continued: it follows another of the same author, so the name is not said again
 * @returns {HTMLElement}
 */
export function drawMessage(item, reading, { continued = false, replies = [] } = {}) {
  const { message, ephemeral } = item;
  const { names } = reading;
  const author = names.person(message.user);
  const time = timeOf(message.ts, names.tz);
  const words = make("div", { class: "words" }, wordsOf(item, reading));
  const edited = message.edited ? make("span", { class: "edited" }, "(edited)") : null;
  if (edited && continued) words.append(edited);
  const classes = ["message", continued && "continued", ephemeral && "own"].filter(Boolean).join(" ");
  return make(
    "article",
    { class: classes, "data-ts": message.ts, tabindex: -1, "aria-label": `${author}, ${time.textContent}` },
    continued ? make("div", { class: "gutter" }, time) : avatar(message.user, names.people, reading.app),
    make(
      "div",
      { class: "said" },
      ephemeral ? make("p", { class: "only-you" }, "Only visible to you") : null,
      continued ? null : heading(author, message, reading.app, time, edited),
      words,
      repliesLine(message.ts, replies, reading),
    ),
    threadButton(item, replies, reading),
    deleteButton(item, reading),
  );
}

/**
 * A square with somebody's first letter; neighbours differ in colour.
 *
 * @param {string} id
 * @param {import("../wire/names.js").Person[]} people
 * @param {{bot_user: string}} app
 */
export function avatar(id, people, app) {
  const at = people.findIndex((person) => person.id === id);
  const tint = id === app.bot_user || at < 0 ? "app" : at % TINTS;
  return make("span", { class: `avatar tint-${tint}`, "aria-hidden": "true" }, [...(people[at]?.name ?? "S")][0]);
}

function heading(author, message, app, ...times) {
  const badge = message.user === app.bot_user ? make("span", { class: "badge" }, "app") : null;
  return make("header", {}, make("strong", {}, author), badge, ...times);
}

function timeOf(ts, tz) {
  return make("time", { datetime: whenSaid(ts).toISOString(), title: wholeTime(ts, tz) }, clockTime(ts, tz));
}

function wordsOf(item, reading) {
  const { message } = item;
  return message.blocks?.length
    ? blocks(message.blocks, reading.placeOf(item))
    : mrkdwn(message.text ?? "", reading.names);
}

function repliesLine(ts, replies, { openThread, names }) {
  if (!replies.length || !openThread) return null;
  const count = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  const last = clockTime(replies.at(-1).message.ts, names.tz);
  const button = make("button", { type: "button", class: "replies", "data-thread": ts }, count, ` · last at ${last}`);
  button.addEventListener("click", () => openThread(ts));
  return button;
}

function threadButton({ message, ephemeral }, replies, { openThread }) {
  if (!openThread || ephemeral || replies.length) return null;
  const button = make("button", { type: "button", class: "reply", title: "Reply in a thread" }, "Reply");
  button.addEventListener("click", () => openThread(message.ts));
  return button;
}

const WORDS = {
  title: { type: "plain_text", text: "Delete message" },
  text: { type: "plain_text", text: "It is gone for everybody, and the app that wrote it is told." },
  confirm: { type: "plain_text", text: "Delete" },
  deny: { type: "plain_text", text: "Cancel" },
  style: "danger",
};

function deleteButton({ message, ephemeral }, { remove, names }) {
  if (!remove || ephemeral) return null;
  const button = make("button", { type: "button", class: "reply delete", title: "Delete message" }, "Delete");
  button.addEventListener("click", async () => {
    if (await confirmed(WORDS, names)) remove(message.ts).catch((failure) => (button.title = failure.message));
  });
  return button;
}
