// Brings what is shown up to date and leaves alone what did not change: an open menu, a focus, a selection stay.

/**
 * @typedef {{key: string, sign: any[], draw: () => HTMLElement}} Wanted
 *   `key` tells the rows apart; a row is drawn anew when any part of its `sign` is another
 */

const drawn = new WeakMap();

/**
 * @param {HTMLElement} list holds nothing but rows
 * @param {Wanted[]} wanted in order
 */
export function reconcile(list, wanted) {
  const before = drawn.get(list) ?? new Map();
  const after = new Map();
  const kept = new Set(wanted.map(({ key }) => key));
  for (const [key, { node }] of before) if (!kept.has(key)) node.remove();
  let place = list.firstChild;
  for (const row of wanted) {
    const known = before.get(row.key);
    const node = known && same(known.sign, row.sign) ? known.node : row.draw();
    after.set(row.key, { sign: row.sign, node });
    if (known && known.node !== node) {
      if (place === known.node) place = node;
      replace(known.node, node);
    }
    if (place === node) place = node.nextSibling;
    else list.insertBefore(node, place);
  }
  drawn.set(list, after);
}

function same(one, other) {
  return one.length === other.length && one.every((part, at) => part === other[at]);
}

/** The reader's keyboard stays where it was: on the same control if it is still there, else on the row. */
function replace(node, by) {
  const held = node.contains(document.activeElement) ? document.activeElement : null;
  const action = held?.dataset.action;
  node.replaceWith(by);
  if (!held) return;
  const again = action && by.querySelector(`[data-action="${CSS.escape(action)}"]`);
  (again || by).focus({ preventScroll: true });
  if (again && held.selectionStart != null) again.setSelectionRange?.(held.selectionStart, held.selectionEnd);
}
