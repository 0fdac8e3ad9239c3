import { freshId, make } from "../base/dom.js";
import { textOf } from "../text/mrkdwn.js";

/**
 * Asks over the page whether this is meant. Escape means no.
 *
 * @param {{title: object, text: object, confirm: object, deny: object, style?: string}} asked
 * @param {import("../wire/names.js").Names} names
 * @returns {Promise<boolean>}
 */
export function confirmed(asked, names) {
  const ids = { title: freshId("title"), text: freshId("text") };
  const danger = asked.style === "danger";
  const no = make("button", { type: "button", class: "button", autofocus: danger }, textOf(asked.deny, names));
  const yes = make(
    "button",
    { type: "button", class: `button ${danger ? "danger" : "primary"}`, autofocus: !danger },
    textOf(asked.confirm, names),
  );
  const dialog = make(
    "dialog",
    { class: "confirm", role: "alertdialog", "aria-labelledby": ids.title, "aria-describedby": ids.text },
    make("h2", { id: ids.title, dir: "auto" }, textOf(asked.title, names)),
    make("div", { id: ids.text, class: "asked", dir: "auto" }, textOf(asked.text, names)),
    make("div", { class: "choices" }, no, yes),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    yes.addEventListener("click", () => dialog.close("yes"));
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    dialog.showModal();
  });
}
