// How long ago something was, in words that keep up with time.

/**
 * @param {number} seconds
 * @returns {string} `5 s`, `3 min`, `2 h`
 */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole}\u00a0s`;
  if (whole < 5400) return `${Math.round(whole / 60)}\u00a0min`;
  return `${Math.round(whole / 3600)}\u00a0h`;
}

/** @returns {number} seconds since 1970 */
export function now() {
  return Date.now() / 1000;
}
