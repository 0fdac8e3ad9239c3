"""When people are at work, and when there is a public holiday, in the time of one place."""

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of one place, and its public holidays if it says its ``country`` (ISO 3166, like DE).

    ``days`` are of `WEEKDAYS`. Work goes from ``begin`` until just before ``end``; an ``end`` at midnight is the end of
    the day. ``subdivision`` is a part of the country with holidays of its own, as `holidays` calls it (BY). Raises
    ValueError, in words for the author of a policy, if there is no such zone, country or subdivision.
    """

    zone: str
    days: tuple[str, ...] = WEEKDAYS[:5]
    begin: time = time(9)
    end: time = time(17)
    country: str | None = None
    subdivision: str | None = None

    def __post_init__(self) -> None:
        if self.zone not in known_zones():
            raise ValueError(f"no time zone is called {self.zone}")
        if not self.days or not {*self.days} <= {*WEEKDAYS}:
            raise ValueError(f"days are one or more of {', '.join(WEEKDAYS)}")
        if MIDNIGHT != self.end <= self.begin:
            raise ValueError("work ends after it begins, on the same day")
        if self.subdivision and not self.country:
            raise ValueError("a subdivision is part of a country; say which")
        if self.country:
            _require_country(self.country, self.subdivision)

    def business_hours(self, moment: datetime) -> bool:
        """Whether people are at work. Raises LookupError as `holiday` does, where that makes the difference."""
        local = self._local(moment)
        begun = WEEKDAYS[local.weekday()] in self.days and local.time() >= self.begin
        return begun and (self.end == MIDNIGHT or local.time() < self.end) and not self.holiday(moment)

    def holiday(self, moment: datetime) -> bool:
        """Whether it is a public holiday there. Raises LookupError in years of which nothing is known."""
        if self.country is None:
            return False
        day = self._local(moment).date()
        return day in _holidays(self.country, self.subdivision, day.year)

    def _local(self, moment: datetime) -> datetime:
        if moment.utcoffset() is None:
            raise ValueError("a moment without a zone would be taken for one of this machine's")
        return moment.astimezone(ZoneInfo(self.zone))


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """All time zones of the system's database and of the package `tzdata`, but not the one that this machine is set to.
    Reads a thousand small files.
    """
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _require_country(country: str, subdivision: str | None) -> None:
    import holidays  # noqa: PLC0415  takes 60 ms and 14 MB, and most policies name no country

    parts = holidays.list_supported_countries(include_aliases=True)
    if country not in parts:
        raise ValueError(f"no holidays are known of a country called {country}; it is written like DE or US")
    if subdivision and subdivision not in parts[country]:
        raise ValueError(f"no subdivision of {country} is called {subdivision}; there are {', '.join(parts[country])}")


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Those of a year, made in one go: an object of the library learns years while it is asked, which two threads must
    not make it do. A day off on 31 December for the New Year's Day after it is one of the year that it lies in.
    """
    import holidays  # noqa: PLC0415  as above

    known = holidays.country_holidays(country, subdiv=subdivision, years=year)
    if not known.start_year <= year <= known.end_year:
        raise LookupError(f"no holidays are known of {year}")
    return frozenset(known)
