// Where the reader is, as the address says it: `#U01ALICE0/C0ACCESS1/1700000000.000100`.

export const HOME = "home";

/**
 * @typedef {{person: string, channel: string, thread: string}} Route
 *   `channel` may be `HOME`; what is empty is left to the page
 */

/**
 * @param {string} hash
 * @returns {Route}
 */
export function routeOf(hash) {
  const [person = "", channel = "", thread = ""] = hash.replace(/^#/, "").split("/").map(decoded);
  return { person, channel, thread };
}

/**
 * @param {Partial<Route>} route
 * @returns {string}
 */
export function hashOf({ person = "", channel = "", thread = "" }) {
  const parts = [person, channel, thread];
  while (parts.length && !parts.at(-1)) parts.pop();
  return `#${parts.map(encodeURIComponent).join("/")}`;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}
