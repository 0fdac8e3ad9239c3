// What stands in the fields of a form: what the server knows, and over it what was entered here since.

import { entryOf } from "./action.js";

/**
 * @typedef {object} Pending entered here, and not yet told back by the server
 * @property {object} block
 * @property {object} element
 * @property {any} value
 * @property {boolean} sent it is on its way
 * @property {boolean} arrived the server has taken it
 */

/** For one form, from when it comes up until it goes. */
export function entriesOf() {
  let told = {};
  let shown = {};
  const pending = new Map();
  const turns = new Map();

  const entered = (known, { block, element, value }) => {
    const entry = { ...known[block.block_id], [element.action_id]: entryOf(element, value) };
    return { ...known, [block.block_id]: entry };
  };
  const values = () => [...pending.values()].reduce(entered, told);

  return {
    /** As `view.state.values`. */
    values,

    /**
     * The server tells what it has. A field is another only if it changed elsewhere: what was entered here stands
     * there already.
     *
     * @param {object} state
     */
    take(state) {
      told = state;
      for (const [key, { block, element, value, arrived }] of pending) {
        const there = state[block.block_id]?.[element.action_id];
        const same = JSON.stringify(there) === JSON.stringify(entryOf(element, value));
        if (!there || same || arrived) pending.delete(key);
      }
      const now = values();
      for (const id of Object.keys(now)) {
        if (JSON.stringify(now[id]) !== JSON.stringify(shown[id])) turns.set(id, (turns.get(id) ?? 0) + 1);
      }
      shown = now;
    },

    /**
     * How often what a block holds has changed elsewhere.
     *
     * @param {string} id of a block
     */
    turn: (id) => turns.get(id) ?? 0,

    /**
     * Somebody enters a value here.
     *
     * @returns {Pending}
     */
    enter(block, element, value) {
      const made = { block, element, value, sent: false, arrived: false };
      pending.set(JSON.stringify([block.block_id, element.action_id]), made);
      shown = values();
      return made;
    },

    /**
     * What was entered and not sent yet.
     *
     * @returns {Pending[]}
     */
    unsent: () => [...pending.values()].filter(({ sent }) => !sent),
  };
}
