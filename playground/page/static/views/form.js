// The form over the page. The server says which is in front and what it holds; what is typed here is kept meanwhile.

import { freshId, make } from "../base/dom.js";
import { reconcile } from "../base/reconcile.js";
import { drawBlock } from "../blocks/blocks.js";
import { entriesOf } from "../blocks/entries.js";
import { textOf } from "../text/mrkdwn.js";
import { act, suggested } from "../wire/control.js";

/**
 * @typedef {{view: object, errors: Object<string, string>, depth: number}} Form
 * @typedef {{names: import("../wire/names.js").Names}} Reader
 */

/** There is one at most, as `showModal` keeps everything else out of reach. */
let shown = null;

/**
 * Shows the form in front, or none.
 *
 * @param {Form|null} form
 * @param {Reader} reader
 */
export function drawForm(form, { names }) {
  if (!form || (shown && shown.id !== form.view.id)) {
    shown?.close();
    shown = null;
  }
  if (!form) return;
  shown ??= opened(form.view.id, names.me);
  shown.draw(form, names);
}

function opened(id, person) {
  const entries = entriesOf();
  const title = freshId("title");
  const heading = make("header", {});
  const body = make("div", { class: "body" });
  const foot = make("footer", {});
  const sheet = make("form", { novalidate: true }, heading, body, foot);
  const dialog = make("dialog", { class: "form", "aria-labelledby": title }, sheet);
  const trouble = make("p", { class: "failed", role: "alert", hidden: true });
  let view = null;
  let wrong = "{}";
  let queue = Promise.resolve();
  let closed = false;

  document.body.append(dialog);
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave(false);
  });
  dialog.addEventListener("close", () => {
    if (!closed) leave(false); // a browser closes a second dialog in a row without asking
  });
  sheet.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  sheet.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });

  return {
    id,
    close() {
      closed = true;
      dialog.close();
      dialog.remove();
    },
    draw(form, names) {
      view = form.view;
      entries.take(view.state.values);
      const place = placeOf(form, names);
      reconcile(heading, headingRows(form, names, title, leave));
      reconcile(body, view.blocks.map((block) => blockRow(block, place)));
      reconcile(foot, footRows(view, names, trouble, leave));
      if (!dialog.open) {
        dialog.showModal();
        firstField(dialog, view)?.focus();
      }
      const news = JSON.stringify(form.errors);
      if (news !== wrong) toWhatIsWrong();
      wrong = news;
    },
  };

  function placeOf({ errors }, names) {
    return {
      kind: "modal",
      names,
      me: person,
      errors,
      get values() {
        return entries.values();
      },
      enter: entries.enter,
      choose: (block, element, value) => send(entries.enter(block, element, value)),
      press: (action) => inOrder(() => act("press", { person, seen: { view: asEntered() }, action })),
      suggest: (block, element, query) => suggested({ person }, block, element, query),
    };
  }

  function blockRow(block, place) {
    const id = block.block_id;
    const sign = [JSON.stringify(block), place.errors[id], entries.turn(id), place.names];
    return { key: id, sign, draw: () => drawBlock(block, place) };
  }

  function asEntered() {
    return { ...view, state: { values: entries.values() } };
  }

  /** One after the other, so that the server has everything in the order in which it was done. */
  function inOrder(go) {
    const done = queue.then(() => (closed ? null : go()));
    queue = done.catch(() => {});
    return done;
  }

  function send(pending) {
    return inOrder(async () => {
      if (pending.sent) return;
      pending.sent = true;
      const { block, element, value } = pending;
      try {
        await act("choose", { person, block, element, chosen: value });
        pending.arrived = true;
      } catch (failure) {
        pending.sent = false;
        throw failure;
      }
    });
  }

  async function submit() {
    const button = foot.querySelector("[type=submit]");
    if (!button || button.ariaBusy === "true") return;
    button.setAttribute("aria-busy", "true");
    trouble.hidden = true;
    try {
      document.activeElement.closest(".combobox")?.querySelector("input").blur(); // a menu of several tells on closing
      entries.unsent().forEach(keep);
      await inOrder(() => act("submit", { person }));
      toWhatIsWrong();
    } catch (failure) {
      sayTrouble(failure);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  function keep(pending) {
    pending.block = { ...pending.block, dispatch_action: false };
    send(pending).catch(sayTrouble);
  }

  async function leave(everything) {
    try {
      await act("close", { person, everything });
    } catch (failure) {
      sayTrouble(failure);
    }
  }

  function sayTrouble(failure) {
    trouble.textContent = failure.message;
    trouble.hidden = false;
  }

  function toWhatIsWrong() {
    body.querySelector(":scope > .block:has(> .wrong) :is(input, textarea, button)")?.focus();
  }
}

function headingRows({ view, depth }, names, id, leave) {
  const back = () => pressed(icon("Back", "←"), () => leave(false));
  const away = () => pressed(icon("Close", "×"), () => leave(true));
  return [
    ...(depth > 1 ? [{ key: "back", sign: [], draw: back }] : []),
    { key: "title", sign: [view.title.text], draw: () => make("h2", { id, dir: "auto" }, textOf(view.title, names)) },
    { key: "close", sign: [], draw: away },
  ];
}

function footRows({ title, close, submit }, names, trouble, leave) {
  const closing = close ?? { type: "plain_text", text: submit ? "Cancel" : "Close" };
  const cancel = () => {
    const button = make("button", { type: "button", class: "button" }, textOf(closing, names));
    return pressed(button, () => leave(false));
  };
  const send = () => make("button", { type: "submit", class: "button primary" }, textOf(submit, names));
  return [
    { key: "trouble", sign: [], draw: () => trouble },
    { key: "cancel", sign: [closing.text], draw: cancel },
    ...(submit ? [{ key: "submit", sign: [submit.text, title.text], draw: send }] : []),
  ];
}

function icon(name, sign) {
  return make("button", { type: "button", class: "icon", "aria-label": name }, sign);
}

function pressed(button, act) {
  button.addEventListener("click", act);
  return button;
}

/** Where typing begins: the field the app asks for, else the first, else the way out. */
function firstField(dialog, view) {
  const elements = view.blocks.flatMap((block) => [block.element, block.accessory, ...(block.elements ?? [])]);
  const wanted = elements.find((element) => element?.focus_on_load)?.action_id;
  const asked = wanted && dialog.querySelector(`[data-action="${CSS.escape(wanted)}"]`);
  const first = dialog.querySelector(".body :is(input, textarea, button, a)");
  return asked || first || dialog.querySelector("footer button");
}
