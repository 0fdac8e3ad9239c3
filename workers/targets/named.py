"""What is wrong with the targets of policy files, and with what is named there: as far as each kind can know alone,
whatever else the files get wrong.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from workers.targets import TargetSetupError, check_names, check_settings

Path = tuple[str | int, ...]
Sections = Mapping[str, Mapping[str, object]]
"""Of the files as they were read: each section's entries, nothing of which need have the right shape."""

NO_SETTINGS = ("owner", "reconcile")
"""Of every kind of target: what its rules say of it."""


def misfits(sections: Sections) -> Iterator[tuple[Path, str]]:
    """Where, and what."""
    kinds: dict[str, str] = {}
    for name, target in sections["targets"].items():
        match target:
            case {"kind": str(kind), **settings}:
                kinds[name] = kind
                yield from _unfit(name, kind, {key: settings[key] for key in settings if key not in NO_SETTINGS})
    for name, access in sections["access"].items():
        match access:
            case {"grants": tuple(grants), **rest}:
                kind = kinds.get(str(rest.get("target") or name.split("/", 1)[0]), "")
                for place, grant in enumerate(grants):
                    yield from _misfit(kind, grant, ("access", name, "grants", place))
    for person, names in sections["people"].items():
        if isinstance(names, dict):
            for where, principal in names.items():
                kind = kinds.get(where) or (where if where in kinds.values() else "")
                yield from _misfit(kind, principal, ("people", person, where))


def _unfit(name: str, kind: str, settings: Mapping[object, object]) -> Iterator[tuple[Path, str]]:
    """Nothing if a setting is no text, which is a mistake already."""
    written = {str(key): value for key, value in settings.items() if isinstance(value, str)}
    if len(written) < len(settings):
        return
    try:
        check_settings(name, kind, written)
    except TargetSetupError as wrong:
        yield from ((("targets", name, key), said) for key, said in wrong.settings)
        if not wrong.settings:
            yield ("targets", name, "kind"), str(wrong).removeprefix(f"{name}: ")


def _misfit(kind: str, name: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Nothing where there is no such kind, or this is no text."""
    if kind and isinstance(name, str):
        with suppress(TargetSetupError):
            yield from ((path, said) for said in check_names(kind, [name]))
