// What stands beside the chat: what to try, the engineer's session, the promises, and the parts that can be broken.

import { make } from "../base/dom.js";
import { breaking } from "./breaking.js";
import { sessionPane } from "./console.js";
import { note } from "./doing.js";
import { guide } from "./guide.js";
import { lights } from "./lights.js";

/**
 * @param {HTMLElement} root
 * @param {{go: (place: {person?: string, channel?: string, type?: string}) => void}} acts
 * @returns {{show: (state: object) => void}} an empty state says that the stage is being set
 */
export function beside(root, acts) {
  const wait = make("p", { class: "quiet setting" }, "The stage is being set…");
  const aboutSession = note();
  const aboutParts = note();
  const try_ = section("What to try", "guide");
  const session = section("Alice’s session", "session");
  const promises = section("The promises", "promises");
  const parts = section("Break it", "breaking");
  const sections = [try_, session, promises, parts];
  const showGuide = guide(try_, acts.go);
  const showSession = sessionPane(session, aboutSession.tell);
  const shining = lights(promises);
  const broken = breaking(parts, aboutParts.tell);
  session.append(aboutSession.root);
  parts.append(aboutParts.root);
  root.classList.add("stage");
  root.replaceChildren(wait, ...sections);
  setInterval(() => {
    shining.tick();
    broken.tick();
  }, 1000);

  const show = (state) => {
    const set = Boolean(state?.console);
    wait.hidden = set;
    for (const part of sections) part.hidden = !set;
    if (!set) return;
    showGuide(state.guide);
    showSession(state.console);
    shining.show(state.lights);
    broken.show(state.parts, state.crowd);
  };
  show({});
  return { show };
}

function section(title, name) {
  return make("section", { class: name, "aria-label": title }, make("h2", {}, title));
}
