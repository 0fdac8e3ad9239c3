// The parts, each with what can be done to it; and the crowd that asks a thousand times.

import { now, span } from "../base/ages.js";
import { make } from "../base/dom.js";
import { actBeside } from "../wire/control.js";
import { doingButton } from "./doing.js";

/**
 * @typedef {{name: string, word: string, does: string, up: boolean, since: number, restarts: number, says: string,
 *   acts: {how: string, label: string}[]}} Part
 * @typedef {{all: number, asked: number, failed: number, going: boolean}} Crowd
 *
 * @param {HTMLElement} root
 * @param {(said: string, failed: boolean) => void} tell
 * @returns {{show: (parts: Part[], crowd: Crowd) => void, tick: () => void}}
 */
export function breaking(root, tell) {
  const list = make("ul", { class: "parts" });
  const mend = doingButton("Mend everything", () => actBeside("mend"), tell, { class: "small wide" });
  const many = crowdLine(tell);
  root.append(list, mend, many.root);
  let drawn = [];
  let shown = [];

  const tick = () => shown.forEach((part, at) => drawn[at].show(part));
  return {
    show(parts, crowd) {
      if (drawn.length !== parts.length) {
        drawn = parts.map((part) => line(part, tell));
        list.replaceChildren(...drawn.map(({ root: item }) => item));
      }
      shown = parts;
      tick();
      many.show(crowd);
    },
    tick,
  };
}

function line(first, tell) {
  const state = make("span", { class: "state" });
  const about = make("p", { class: "quiet" });
  const buttons = make("div", { class: "buttons", role: "group", "aria-label": first.word });
  const what = make("div", {}, make("p", { class: "head-line" }, make("span", { class: "name" }, first.word), state), about);
  const root = make("li", {}, what, buttons);
  let offered = "";

  const show = (part) => {
    root.className = part.up ? "up" : "down";
    state.textContent = `${part.up ? "Up" : "Down"} · ${span(now() - part.since)}`;
    const restarts = part.restarts ? ` · ${part.restarts} ${part.restarts === 1 ? "restart" : "restarts"}` : "";
    const said = part.says ? ` · ${part.says}` : "";
    about.textContent = `${part.does}${said}${restarts}`;
    const offer = JSON.stringify(part.acts);
    if (offer === offered || buttons.querySelector("[aria-busy]")) return;
    offered = offer;
    const focused = buttons.contains(document.activeElement);
    buttons.replaceChildren(...part.acts.map(({ how, label }) => act(part, how, label, tell)));
    if (focused) buttons.querySelector("button")?.focus();
  };
  return { root, show };
}

function act({ name, word }, how, label, tell) {
  const work = () => actBeside("break", { part: name, how });
  return doingButton(label, work, tell, { "aria-label": `${label}: ${word}`, class: how === "up" ? "small go" : "small" });
}

function crowdLine(tell) {
  const bar = make("progress", { "aria-label": "Requests asked for", hidden: true });
  const said = make("p", { class: "quiet" });
  let going = false;
  const button = doingButton("Ask a thousand times", () => actBeside("crowd", { go: !going }), tell);
  const root = make("div", { class: "crowd" }, button, bar, said);

  const show = (crowd) => {
    going = crowd.going;
    const done = crowd.asked + crowd.failed;
    button.textContent = words(crowd, done);
    button.disabled = !going && done >= crowd.all;
    bar.hidden = done === 0;
    bar.max = crowd.all;
    bar.value = done;
    const failed = crowd.failed ? `, ${crowd.failed} did not get through` : "";
    said.textContent = done
      ? `${crowd.asked} of ${crowd.all} asked${failed}. Their cards stand in #report-requests, and in three channels that the analysts alone are in.`
      : "Ten analysts ask for a hundred reports each, through command and form. It takes a few minutes.";
  };
  return { root, show };
}

function words(crowd, done) {
  if (crowd.going) return "Stop";
  if (done >= crowd.all) return "All have asked";
  return done ? "Go on asking" : "Ask a thousand times";
}
