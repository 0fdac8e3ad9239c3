/**
 * Makes an element. Text goes in as text; attributes that are null, undefined or false are left out,
 * and true is written as HTML and ARIA want it.
 * @param {string} tag
 * @param {Object<string, string|number|boolean|null|undefined>} [attributes]
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, name.startsWith("aria-") ? "true" : "");
    else if (value !== false && value != null) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/**
 * @param {...(Node|string|null|undefined)} children
 * @returns {DocumentFragment}
 */
export function fragment(...children) {
  const made = document.createDocumentFragment();
  made.append(...children.filter((child) => child != null));
  return made;
}

let given = 0;

/**
 * An id that no other element of the page has, for labels and descriptions to point at.
 * @param {string} what
 * @returns {string}
 */
export function freshId(what) {
  return `${what}-${(given += 1)}`;
}
