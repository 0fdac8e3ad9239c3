// Light, dark, or as the system says; kept in this browser.

const KEY = "jit.theme";
const NEXT = { "": "light", light: "dark", dark: "" };
const SAID = { "": "as your system", light: "light", dark: "dark" };

/** @param {HTMLButtonElement} button goes through the three */
export function themeToggle(button) {
  const show = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    button.dataset.shows = theme;
    button.setAttribute("aria-label", `Colours: ${SAID[theme]}`);
    button.title = `Colours: ${SAID[theme]}. Press to change.`;
  };
  let theme = localStorage.getItem(KEY) ?? "";
  if (!(theme in NEXT)) theme = "";
  show(theme);
  button.addEventListener("click", () => {
    theme = NEXT[theme];
    localStorage.setItem(KEY, theme);
    show(theme);
  });
}
