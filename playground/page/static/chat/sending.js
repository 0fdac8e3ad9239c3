// What somebody typed, sent: a command to the app, anything else to the channel or thread.

import { act, Failed } from "../wire/control.js";
import { commandOf, outgoing } from "./outgoing.js";

/**
 * @param {string} typed
 * @param {import("../wire/route.js").Route} route where it is sent to; with a thread, as a reply
 * @param {{name: string}[]} commands that there are
 * @param {import("../wire/names.js").Names} names
 * @throws {Failed}
 */
export async function sendTyped(typed, { person, channel, thread }, commands, names) {
  const command = commandOf(typed);
  if (!command) {
    await act("say", { person, channel, text: outgoing(typed, names), thread_ts: thread });
    return;
  }
  const known = commands.map(({ name }) => name);
  if (!known.includes(command.name)) {
    throw new Failed("unknown", `${command.name} is not a command here. There is ${known.join(", ")}.`);
  }
  if (thread) throw new Failed("in_thread", `${command.name} does not work in a thread. Type it in the channel.`);
  await act("command", { person, channel, ...command });
}
