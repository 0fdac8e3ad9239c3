const GAP = 4;
const MARGIN = 8;
const LEAST_ROOM = 180;
const LEAST_WIDTH = 240;

/**
 * A popover that stands at a control, above everything, and stays there while the page scrolls.
 *
 * @param {HTMLElement} control
 * @param {HTMLElement} popover with `popover="manual"`
 * @param {{end?: boolean}} [how] end: its right edges meet, and it is as wide as it needs
 * @returns {{show: () => void, hide: () => void, readonly open: boolean}}
 */
export function besideControl(control, popover, { end = false } = {}) {
  let moves = null;
  const isOpen = () => popover.matches(":popover-open");
  return {
    get open() {
      return isOpen();
    },
    show() {
      if (isOpen()) return place(control, popover, end);
      popover.showPopover();
      moves = new AbortController();
      const follow = () => (control.isConnected ? place(control, popover, end) : moves.abort());
      const options = { capture: true, passive: true, signal: moves.signal };
      window.addEventListener("scroll", follow, options);
      window.addEventListener("resize", follow, options);
      return follow();
    },
    hide() {
      moves?.abort();
      if (isOpen()) popover.hidePopover();
    },
  };
}

function place(control, popover, end) {
  const at = control.getBoundingClientRect();
  const below = innerHeight - at.bottom - GAP - MARGIN;
  const above = at.top - GAP - MARGIN;
  const down = below >= Math.min(popover.scrollHeight, LEAST_ROOM) || below >= above;
  const width = end ? popover.offsetWidth : Math.min(Math.max(at.width, LEAST_WIDTH), innerWidth - 2 * MARGIN);
  const left = end ? at.right - width : at.left;
  const { style } = popover;
  if (!end) style.width = `${width}px`;
  style.left = `${Math.max(MARGIN, Math.min(left, innerWidth - MARGIN - width))}px`;
  style.top = down ? `${at.bottom + GAP}px` : "auto";
  style.bottom = down ? "auto" : `${innerHeight - at.top + GAP}px`;
  style.maxHeight = `${Math.min(down ? below : above, 340)}px`;
}
