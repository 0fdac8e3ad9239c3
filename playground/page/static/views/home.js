// The App Home: what the app shows to one reader alone.

import { make } from "../base/dom.js";
import { reconcile } from "../base/reconcile.js";
import { drawBlock } from "../blocks/blocks.js";
import { entriesOf } from "../blocks/entries.js";
import { act, suggested } from "../wire/control.js";

/** What was drawn last, by where: a block that has not changed acts in the view as it is now. */
const homes = new WeakMap();

/**
 * @param {HTMLElement} root
 * @param {object|null} view as last published
 * @param {{names: import("../wire/names.js").Names}} reader
 */
export function drawHome(root, view, { names }) {
  if (!view) {
    const draw = () => make("p", { class: "nothing" }, "The app shows nothing here yet.");
    reconcile(root, [{ key: "nothing", sign: [], draw }]);
    return;
  }
  const before = homes.get(root);
  const home = before?.view.id === view.id ? before : { entries: entriesOf() };
  home.view = view;
  home.entries.take(view.state.values);
  homes.set(root, home);
  const place = placeOf(home, names);
  reconcile(root, view.blocks.map((block) => rowOf(view, block, place)));
}

function placeOf(home, names) {
  const person = names.me;
  const seen = () => ({ view: { ...home.view, state: { values: home.entries.values() } } });
  return {
    kind: "home",
    names,
    me: person,
    get values() {
      return home.entries.values();
    },
    enter: home.entries.enter,
    press: (action) => act("press", { person, seen: seen(), action }),
    suggest: (block, element, query) => suggested({ person, seen: seen() }, block, element, query),
  };
}

function rowOf(view, block, place) {
  const key = `${view.id} ${block.block_id}`;
  return { key, sign: [JSON.stringify(block), place.names], draw: () => drawBlock(block, place) };
}
