// Alice's open session in the database: whether it can read the table right now, and what was typed into it.

import { freshId, make } from "../base/dom.js";
import { actBeside } from "../wire/control.js";
import { doing } from "./doing.js";

/**
 * @typedef {{login: string, database: string, sql: string, session: string,
 *   watch: {ok: boolean, text: string}, lines: {kind: "sql"|"out"|"error"|"fatal"|"note", text: string, at: number}[]}} Session
 *
 * @param {HTMLElement} root
 * @param {(said: string, failed: boolean) => void} tell
 * @returns {(session: Session) => void}
 */
export function sessionPane(root, tell) {
  const prompt = make("span", { class: "prompt" });
  const query = make("span");
  const answer = make("pre", { class: "answer" });
  const watch = make("div", { class: "watch" }, make("p", { class: "query" }, prompt, query), answer);
  const lines = make("div", { class: "lines", tabindex: 0, role: "log", "aria-label": "Session" });
  const [form, box] = typing(tell);
  const screen = make("div", { class: "terminal" }, watch, lines, form);
  const where = make("p", { class: "quiet" });
  root.append(where, screen);
  let shown = "";

  return (session) => {
    prompt.textContent = `${session.database}=> `;
    query.textContent = `${session.sql};`;
    box.placeholder = `${session.database}=>`;
    where.textContent = `psql as ${session.login}, asked again every half second · ${session.session}`;
    if (answer.textContent !== session.watch.text) answer.textContent = session.watch.text;
    watch.classList.toggle("open", session.watch.ok);
    const now = JSON.stringify(session.lines);
    if (now === shown) return;
    shown = now;
    lines.replaceChildren(...session.lines.map((line) => said(line, session.database)));
    lines.scrollTop = lines.scrollHeight;
  };
}

function said({ kind, text }, database) {
  return make("pre", { class: kind }, kind === "sql" ? `${database}=> ${text}` : text);
}

function typing(tell) {
  const id = freshId("sql");
  const box = make("input", { id, type: "text", maxlength: 2000, autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
  const button = make("button", { type: "submit", class: "small" }, "Run");
  const form = make("form", { class: "typing" }, make("label", { class: "unseen", for: id }, "SQL to run in this session"), box, button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sql = box.value;
    doing(button, () => actBeside("query", { sql }), tell).then(() => {
      if (box.value === sql) box.value = "";
    });
  });
  return [form, box];
}
