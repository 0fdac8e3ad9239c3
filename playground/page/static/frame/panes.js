// On a narrow screen one pane is seen at a time; on a wide one, what stands beside the chat can be put away.

const KEY = "jit.beside";

/**
 * @param {HTMLElement} tabs one button for each pane
 * @param {HTMLElement} aside what stands beside the chat
 * @param {HTMLButtonElement} toggle puts it away and gets it back
 */
export function panes(tabs, aside, toggle) {
  const buttons = [...tabs.querySelectorAll("button")];

  const go = (pane) => {
    document.body.dataset.pane = pane;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.pane === pane));
  };

  const open = (wanted) => {
    toggle.setAttribute("aria-expanded", String(wanted));
    document.body.classList.toggle("beside-open", wanted);
  };

  for (const button of buttons) button.addEventListener("click", () => go(button.dataset.pane));
  toggle.addEventListener("click", () => {
    const wanted = toggle.getAttribute("aria-expanded") !== "true";
    localStorage.setItem(KEY, wanted ? "open" : "away");
    open(wanted);
  });
  go("chat");

  return {
    go,
    /** @param {boolean} there whether anything stands beside the chat */
    beside(there) {
      aside.hidden = !there;
      toggle.hidden = !there;
      buttons.find((button) => button.dataset.pane === "beside").hidden = !there;
      open(there && localStorage.getItem(KEY) !== "away");
    },
  };
}
