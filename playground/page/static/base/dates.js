const WHOLE = { year: "numeric", month: "long", day: "numeric" };
const SHORT = { year: "numeric", month: "short", day: "numeric" };
const FORMS = {
  date_num: { year: "numeric", month: "2-digit", day: "2-digit" },
  date: WHOLE,
  date_short: SHORT,
  date_long: { weekday: "long", ...WHOLE },
  date_pretty: WHOLE,
  date_short_pretty: SHORT,
  date_long_pretty: { weekday: "long", ...WHOLE },
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  time_secs: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
};
const DAY = 86_400_000;
const NEAR_DAYS = { "-1": "yesterday", 0: "today", 1: "tomorrow" };

const formats = new Map();

/**
 * A moment in somebody's time zone; in UTC if the zone is unknown.
 * @param {Date} when
 * @param {string} tz
 * @param {Intl.DateTimeFormatOptions} options
 * @param {string} [locale]
 */
export function said(when, tz, options, locale = "en-GB") {
  const key = JSON.stringify([locale, tz, options]);
  if (!formats.has(key)) formats.set(key, formatOf(locale, tz, options));
  return formats.get(key).format(when);
}

/** To make one costs far more than to use it. */
function formatOf(locale, tz, options) {
  try {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: tz });
  } catch {
    return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" });
  }
}

function isoDay(when, tz) {
  return said(when, tz, FORMS.date_num, "sv-SE");
}

function nearDay(when, now, tz) {
  const apart = Math.round((Date.parse(isoDay(when, tz)) - Date.parse(isoDay(now, tz))) / DAY);
  return NEAR_DAYS[apart];
}

function ago(when, now) {
  const seconds = Math.round((when - now) / 1000);
  const [unit, size] = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]].find(
    ([, least]) => Math.abs(seconds) >= least || least === 1,
  );
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.trunc(seconds / size), unit);
}

/**
 * Slack's date formatting: `{date_short_pretty} {time}` filled in for one moment.
 * @param {Date} when
 * @param {string} form
 * @param {string} tz the reader's zone
 * @param {Date} [now] for `_pretty` and `{ago}`
 * @returns {string}
 */
export function dated(when, form, tz, now = new Date()) {
  return form.replace(/\{(\w+)\}/g, (whole, name) => {
    if (name === "ago") return ago(when, now);
    if (!FORMS[name]) return whole;
    const near = name.endsWith("_pretty") ? nearDay(when, now, tz) : undefined;
    if (near) return near;
    return name === "date_num" ? isoDay(when, tz) : said(when, tz, FORMS[name]);
  });
}

const WALL = { ...FORMS.date_num, ...FORMS.time_secs };

/**
 * What a calendar and a clock on the wall there show: `2026-11-21T14:05`.
 * @param {number} seconds since 1970
 * @param {string} tz
 */
export function wallTime(seconds, tz) {
  return said(new Date(seconds * 1000), tz, WALL, "sv-SE").replace(" ", "T").slice(0, 16);
}

/**
 * The moment at which they show it; the earlier one where the clocks show it twice.
 * @param {string} wall
 * @param {string} tz
 * @returns {number} seconds since 1970
 */
export function momentOf(wall, tz) {
  const asUtc = Date.parse(`${wall}Z`) / 1000;
  const offset = (at) => Date.parse(`${wallTime(at, tz)}Z`) / 1000 - at;
  const first = asUtc - offset(asUtc - 86_400);
  return wallTime(first, tz) === wall ? first : asUtc - offset(first);
}
