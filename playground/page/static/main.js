// Puts the page together: what the server tells goes into the store, and what the reader is looking at is drawn.

import { announcer } from "./chat/announce.js";
import { drawPeople, drawSidebar, sidebarOf } from "./chat/chat.js";
import { composer } from "./chat/composer.js";
import { messageList } from "./chat/messages.js";
import { sendTyped } from "./chat/sending.js";
import { threadPane } from "./chat/thread.js";
import { pageTitle, titleOf, topicOf, welcomeOf } from "./chat/words.js";
import { panes } from "./frame/panes.js";
import { themeToggle } from "./frame/theme.js";
import { beside } from "./stage/beside.js";
import { drawForm } from "./views/form.js";
import { drawHome } from "./views/home.js";
import { act, suggested } from "./wire/control.js";
import { live } from "./wire/live.js";
import { namesOf, sameNames } from "./wire/names.js";
import { HOME, hashOf, routeOf } from "./wire/route.js";
import { emptyStore, take } from "./wire/store.js";

const ACTING = ["sidebar", "chat", "thread"];
const TOGETHER_MS = 8;

const at = (id) => document.getElementById(id);

function start() {
  let store = emptyStore();
  let route = routeOf(location.hash);
  let connection = null;
  let names = null;
  let read = new Map();
  let toType = null;
  let due;

  const layout = panes(at("panes"), at("beside"), at("beside-toggle"));
  const announce = announcer(at("announcer"));
  const box = composer(at("composer"), (typed) => send(typed, ""));
  const stands = beside(at("beside"), { go });
  const messages = messageList(at("messages"), {
    older: (before) => connection.send({ want: "older", channel: route.channel, before }),
    read: sayRead,
  });
  const thread = threadPane(at("thread"), {
    reply: (typed) => send(typed, route.thread),
    close: () => move({ ...route, thread: "" }),
  });

  themeToggle(at("theme"));
  at("skip").addEventListener("click", () => box.focus());
  at("sidebar").addEventListener("click", (event) => {
    if (event.target.closest("a")) layout.go("chat");
  });
  addEventListener("hashchange", () => follow(routeOf(location.hash)));
  connect();

  /** Until the server has told who one is now, nothing of the one before can be pressed. */
  function connect() {
    connection?.close();
    for (const id of ACTING) at(id).inert = true;
    store = emptyStore();
    read = new Map();
    connection = live(route.person, {
      frame: (frame) => {
        take(store, frame);
        told(frame);
      },
      connected: (yes) => {
        at("connection").textContent = yes ? "" : "Connecting again…";
      },
      nobody: () => {
        const known = route.person;
        route = { person: "", channel: "", thread: "" };
        if (known) connect();
        else at("connection").textContent = "There is nobody here to play.";
      },
    });
  }

  function told({ kind }) {
    if (kind === "hello" || kind === "people") {
      names = sameNames(names, namesOf(store.told));
      settle(kind === "hello");
    }
    if (kind === "beside") stands.show(store.beside);
    else if (kind === "hello") draw();
    else drawSoon();
    if (kind === "form" || kind === "hello") drawForm(store.form, inView());
  }

  /** Where the address led nowhere, the reader comes to the first channel. */
  function settle(fresh) {
    const { me, channels } = store.told;
    const there = route.channel === HOME || channels.some(({ id }) => id === route.channel);
    const channel = there ? route.channel : (channels[0]?.id ?? HOME);
    route = { person: me.id, channel, thread: there ? route.thread : "" };
    history.replaceState(null, "", hashOf(route));
    if (!fresh) return;
    for (const id of ACTING) at(id).inert = false;
    layout.beside(store.told.beside);
    arrived();
  }

  function move(next) {
    location.hash = hashOf(next);
  }

  function follow(next) {
    const other = next.person !== route.person;
    const elsewhere = other || next.channel !== route.channel;
    route = next;
    if (other) connect();
    else if (store.told) {
      settle(false);
      if (elsewhere) arrived();
      draw();
    }
  }

  function arrived() {
    if (route.channel === HOME) act("open_home", { person: route.person }).catch(() => {});
    else if (matchMedia("(min-width: 721px)").matches && !store.form) requestAnimationFrame(box.focus);
  }

  /** Where frames come faster than they can be drawn, several are drawn at once. */
  function drawSoon() {
    due ??= setTimeout(draw, TOGETHER_MS);
  }

  function draw() {
    due = clearTimeout(due);
    if (!store.told) return;
    const { told } = store;
    const listed = sidebarOf(told, store.rooms, readOf);
    const channel = told.channels.find(({ id }) => id === route.channel);
    const room = store.rooms.get(route.channel);
    drawPeople(at("people"), told, route);
    drawSidebar(at("sidebar"), listed, route);
    at("title").textContent = titleOf(channel);
    at("topic").textContent = topicOf(channel, told.app);
    document.title = pageTitle(listed, titleOf(channel), told.me.name);
    for (const [id, shown] of [["messages", channel], ["composer", channel], ["home", !channel]]) at(id).hidden = !shown;
    if (channel) {
      messages.show(channel.id, room, reading(), readOf(channel));
      announce.show(channel.id, room, names);
      box.show({
        key: `jit.draft/${names.me}/${channel.id}`,
        label: `Message ${titleOf(channel)}, or type / for a command`,
        commands: told.commands,
        names,
      });
    } else {
      drawHome(at("home"), store.home, inView());
    }
    thread.show(channel ? route.thread : "", room, reading(), titleOf(channel));
    document.body.classList.toggle("thread-open", Boolean(channel && route.thread));
    typeWhatWaits();
  }

  function reading() {
    const { told } = store;
    const channel = told.channels.find(({ id }) => id === route.channel);
    return {
      names,
      app: told.app,
      welcome: welcomeOf(channel, told.app),
      placeOf,
      openThread: (ts) => move({ ...route, thread: ts }),
      remove: names.admin ? removing(names.me, route.channel) : null,
    };
  }

  function removing(person, channel) {
    return (ts) => act("delete", { person, channel, ts });
  }

  function placeOf({ message, ephemeral }) {
    const person = names.me;
    const seen = { channel: route.channel, message, ephemeral };
    return {
      kind: "message",
      names,
      me: person,
      press: (action) => act("press", { person, seen, action }),
      suggest: (block, element, query) => suggested({ person, seen }, block, element, query),
    };
  }

  function inView() {
    return { names, me: names.me };
  }

  function readOf({ id, read: told }) {
    const here = read.get(id) ?? "";
    return here > told ? here : told;
  }

  function sayRead(ts) {
    const channel = store.told.channels.find(({ id }) => id === route.channel);
    if (!channel || ts <= readOf(channel)) return;
    read.set(channel.id, ts);
    connection.send({ read: channel.id, ts });
    drawSidebar(at("sidebar"), sidebarOf(store.told, store.rooms, readOf), route);
  }

  function send(typed, thread) {
    if (!thread) messages.toBottom();
    return sendTyped(typed, { ...route, thread }, store.told.commands, names);
  }

  /** Leads the reader somewhere, as somebody, with words in the message box that they may send. */
  function go({ person = route.person, channel = route.channel, type = "" }) {
    toType = type ? { person, channel, type } : null;
    layout.go("chat");
    if (person === route.person && channel === route.channel) draw();
    else move({ person, channel });
  }

  function typeWhatWaits() {
    if (!toType || names.me !== toType.person || route.channel !== toType.channel) return;
    box.put(toType.type);
    toType = null;
  }
}

start();
