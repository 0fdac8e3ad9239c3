// Menus of every kind: where their choices come from, and what of them the app is told.

import { offer } from "./acting.js";
import { heldBy } from "./action.js";
import { combobox } from "./combobox.js";

const QUERY_LENGTH = 3; // what Slack waits for unless `min_query_length` says otherwise
const PAUSE_MS = 120;

const SOURCES = {
  static_select: fromOptions,
  multi_static_select: fromOptions,
  external_select: fromApp,
  multi_external_select: fromApp,
  users_select: (told, block, place) => fromIds(peopleOf(place.names), place.names.person),
  multi_users_select: (told, block, place) => fromIds(peopleOf(place.names), place.names.person),
  channels_select: (told, block, place) => fromIds(channelsOf(place.names), place.names.channel),
  conversations_select: (told, block, place) => fromIds(conversationsOf(place.names), place.names.channel),
};

/** The types of element that are menus. */
export const MENU_TYPES = Object.keys(SOURCES);

/**
 * @param {object} told
 * @param {object} block
 * @param {import("./blocks.js").Place} place
 * @param {object} naming
 * @returns {HTMLElement}
 */
export function menu(told, block, place, naming) {
  const many = told.type.startsWith("multi_");
  const source = SOURCES[told.type](told, block, place);
  const held = [heldBy(told, block, place) ?? []].flat();
  return combobox(
    {
      ...source,
      many,
      most: told.max_selected_items ?? Infinity,
      chosen: held.map(source.choiceOf),
      clearable: block.type === "input" && Boolean(block.optional),
      attributes: { ...naming, "data-action": told.action_id },
      placeholder: told.placeholder?.text ?? (many ? "Choose some" : "Choose one"),
    },
    (chosen, control) => {
      const values = chosen.map(({ value }) => value);
      return offer(control, told, block, place, many ? values : (values[0] ?? null));
    },
  );
}

function fromOptions(told) {
  const groups = groupsOf(told);
  return {
    choiceOf: optionChoice,
    least: 0,
    pause: 0,
    find: (query) => groups.map((group) => ({ ...group, choices: group.choices.filter(matching(query)) })),
  };
}

function fromApp(told, block, place) {
  return {
    choiceOf: optionChoice,
    least: told.min_query_length ?? QUERY_LENGTH,
    pause: PAUSE_MS,
    find: async (query) => groupsOf(await place.suggest(block, told, query)),
  };
}

function fromIds(things, nameOf) {
  const choiceOf = (id) => ({ key: id, value: id, words: nameOf(id) });
  const choices = things.map(({ id, detail }) => ({ ...choiceOf(id), detail }));
  return { choiceOf, least: 0, pause: 0, find: (query) => [{ label: "", choices: choices.filter(matching(query)) }] };
}

function groupsOf({ options = [], option_groups: groups }) {
  if (!groups) return [{ label: "", choices: options.map(optionChoice) }];
  return groups.map(({ label, options: inside }) => ({ label: label.text, choices: inside.map(optionChoice) }));
}

function optionChoice(option) {
  return { key: option.value, value: option, words: option.text.text, detail: option.description?.text };
}

function matching(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return ({ words: text, detail }) => {
    const searched = `${text} ${detail ?? ""}`.toLowerCase();
    return words.every((word) => searched.includes(word));
  };
}

function peopleOf(names) {
  return names.people.filter(({ bot }) => !bot).map(({ id, title }) => ({ id, detail: title }));
}

function channelsOf(names) {
  return names.channels.filter(({ kind }) => kind === "channel").map(({ id, topic }) => ({ id, detail: topic }));
}

function conversationsOf(names) {
  return names.channels.map(({ id, topic }) => ({ id, detail: topic }));
}
