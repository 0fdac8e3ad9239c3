// What the reader does, sent to the server. Whatever goes wrong becomes a `Failed` with a sentence for people.

const SAID = {
  operation_timeout: "This app took too long to answer. Try again.",
  dispatch_failed: "This app is not connected.",
  no_form: "This form is closed already.",
  channel_not_found: "This channel is gone.",
  message_not_found: "This message is gone.",
  cant_delete_message: "Only an admin may delete this message.",
  thread_not_found: "The message this replies to is gone.",
};

/** An act that did not go through. `word` is Slack's name for why, `message` a sentence to show. */
export class Failed extends Error {
  /** @param {string} word @param {string} [sentence] */
  constructor(word, sentence) {
    super(sentence ?? SAID[word] ?? `That did not work (${word}).`);
    this.name = "Failed";
    this.word = word;
  }
}

/**
 * Does what a person does in the chat: `command`, `press`, `choose`, `suggest`, `submit`, `close`, `open_home`, `say`,
 * `delete`.
 *
 * @param {string} verb
 * @param {object} values `person`, and what the verb needs
 * @returns {Promise<any>} what came of it
 * @throws {Failed}
 */
export async function act(verb, values) {
  const result = await post(`/control/${verb}`, values, (error) => new Failed(error));
  if (result && result.ok === false) throw new Failed(result.error);
  return result;
}

/**
 * What the app offers in a menu for what was typed.
 *
 * @param {object} standing `person`, and in a message or the Home what they see: `seen`
 * @param {object} block
 * @param {object} element
 * @param {string} query
 * @returns {Promise<object>} the options, or groups of them
 * @throws {Failed}
 */
export async function suggested(standing, block, element, query) {
  const answer = await act("suggest", { ...standing, block_id: block.block_id, action_id: element.action_id, query });
  return answer.ack;
}

/**
 * Does what acts beside the chat.
 *
 * @param {string} verb
 * @param {object} [values]
 * @returns {Promise<any>}
 * @throws {Failed} with the server's own sentence
 */
export function actBeside(verb, values = {}) {
  return post(`/beside/${verb}`, values, (error) => new Failed("refused", error));
}

async function post(path, values, failed) {
  let answer;
  let said;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(values),
    });
    said = await answer.json();
  } catch {
    throw new Failed("unreachable", "The playground does not answer. Is it still running?");
  }
  if (!answer.ok || said.missing) throw failed(said.error ?? said.missing);
  return said.result;
}
