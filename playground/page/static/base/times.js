// When something was said, in the reader's time zone.

import { dated, said } from "./dates.js";

const QUARTER = 15 * 60; // no zone's midnight falls within one
const days = new Map();
const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };

/** @param {string} ts Slack's, in seconds @returns {Date} */
export function whenSaid(ts) {
  return new Date(Number(ts) * 1000);
}

/** `14:02` */
export function clockTime(ts, tz) {
  return dated(whenSaid(ts), "{time}", tz);
}

/** `21 November 2026 at 14:02:09` */
export function wholeTime(ts, tz) {
  return dated(whenSaid(ts), "{date} at {time_secs}", tz);
}

/** What stays the same for all of one day, and is quickly found for many. */
export function dayKey(ts, tz) {
  const quarter = `${tz} ${Math.floor(Number(ts) / QUARTER)}`;
  if (!days.has(quarter)) days.set(quarter, said(whenSaid(ts), tz, DAY, "sv-SE"));
  return days.get(quarter);
}

/** `Today`, `Yesterday`, `Thursday, 19 November 2026` */
export function dayName(ts, tz) {
  const name = dated(whenSaid(ts), "{date_long_pretty}", tz);
  return name[0].toUpperCase() + name.slice(1);
}
