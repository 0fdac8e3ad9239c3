import { make } from "./dom.js";

/**
 * The address, if it is one that a link may have here; anything else (javascript:, data:, …) is none.
 * @param {string} text
 * @returns {string|null}
 */
export function webAddress(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && ["http:", "https:"].includes(url.protocol) ? url.href : null;
}

/**
 * A link that opens elsewhere, or its words alone where the address is none.
 * @param {string} address
 * @param {...(Node|string)} words
 * @returns {HTMLElement}
 */
export function link(address, ...words) {
  const href = webAddress(address);
  if (!href) return make("span", {}, ...words);
  return make("a", { href, title: href, target: "_blank", rel: "noopener noreferrer" }, ...words);
}
