// What an app is sent when an element is used, in Slack's shape.

const HOLDS = {
  plain_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  radio_buttons: ["selected_option", "initial_option"],
  overflow: ["selected_option", "initial_option"],
  multi_static_select: ["selected_options", "initial_options"],
  multi_external_select: ["selected_options", "initial_options"],
  checkboxes: ["selected_options", "initial_options"],
  users_select: ["selected_user", "initial_user"],
  multi_users_select: ["selected_users", "initial_users"],
  channels_select: ["selected_channel", "initial_channel"],
  conversations_select: ["selected_conversation", "initial_conversation"],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
};
const DRAWN_ONLY = ["placeholder", "options", "option_groups", "focus_on_load", "min_query_length"];

/**
 * One entry of `state.values`.
 *
 * @param {object} element
 * @param {any} value
 */
export function entryOf(element, value) {
  return { type: element.type, [HOLDS[element.type][0]]: value };
}

/**
 * What an element holds: what was entered, or its first value.
 *
 * @param {object} element
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 */
export function heldBy(element, block, place) {
  const [key, first] = HOLDS[element.type];
  const entered = place.values?.[block.block_id]?.[element.action_id];
  return (entered ? entered[key] : element[first]) ?? null;
}

/**
 * One entry of `actions`: the element as it was drawn, without what only drawing needs.
 *
 * @param {object} element
 * @param {object} block
 * @param {object} [entry] what was chosen
 */
export function actionOf(element, block, entry = {}) {
  const shown = Object.entries(element).filter(([key]) => !DRAWN_ONLY.includes(key));
  return { ...Object.fromEntries(shown), ...entry, block_id: block.block_id };
}
