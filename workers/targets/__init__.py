"""The kinds of target there are. A new one is a file and an entry point in the group `jit.targets`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any, Protocol, cast, get_args

from pydantic import BaseModel, SecretStr, ValidationError

from jit.ports import Target
from jit.runtime.settings import CannotStart

GROUP = "jit.targets"


class TargetSetupError(CannotStart):
    """A target's part of the policy file cannot be used. The message holds no secret.

    ``settings`` has what is wrong with each setting, by its name; nothing if no single one is to blame.
    """

    def __init__(self, message: str, settings: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.settings = tuple(settings)


class TargetKind(Protocol):
    """What the entry point of a kind names: a class that says which settings it takes.

    The fields of ``Settings`` are the keyword arguments of the class, which raises ValueError with the
    name of the target and no secret if they do not fit. A field of type `SecretStr`, or one
    that may be None, is written in the policy file as a reference, never as the secret itself.

    A kind may have a static method ``name_problem(name)``, which says why nothing can have that name there, or None.
    """

    Settings: type[BaseModel]

    def __call__(self, name: str, /, **settings: Any) -> Target: ...


def open_target(
    name: str, kind: str, settings: Mapping[str, str], resolve_secret: Callable[[str], SecretStr]
) -> Target:
    """The target ``name`` of a policy file. Speaks to nobody yet.

    ``resolve_secret`` turns `env:NAME` or `file:/path` into the secret; what it raises comes through.

    Raises:
        TargetSetupError: no such kind, or settings it does not take.
    """
    made = _kind(name, kind)
    known = _known_settings(name, made, settings, resolve_secret)
    try:
        return made(name, **dict(known))
    except ValueError as exc:
        raise TargetSetupError(str(exc)) from None


def check_settings(name: str, kind: str, settings: Mapping[str, str]) -> None:
    """Whether there is such a kind, and it takes these settings; secrets are not looked for.

    Raises:
        TargetSetupError: as `open_target`.
    """
    _known_settings(name, _kind(name, kind), settings, SecretStr)


def check_names(kind: str, names: Iterable[str]) -> Iterator[str]:
    """What is wrong with names of permissions or principals, as far as the kind can know alone."""
    problem: Callable[[str], str | None] = getattr(_kind("", kind), "name_problem", lambda _: None)
    for name in names:
        if said := problem(name):
            yield f"{name[:80]!r} {said}"


def _known_settings(
    name: str, made: TargetKind, settings: Mapping[str, str], resolve_secret: Callable[[str], SecretStr]
) -> BaseModel:
    secrets = {key for key, field in made.Settings.model_fields.items() if _is_secret(field.annotation)}
    resolved = {key: resolve_secret(value) if key in secrets else value for key, value in settings.items()}
    try:
        return made.Settings.model_validate(resolved)
    except ValidationError as exc:
        wrong = [(".".join(map(str, error["loc"])), error["msg"]) for error in exc.errors(include_input=False)]
        raise TargetSetupError(f"{name}: {'; '.join(f'{key}: {what}' for key, what in wrong)}", wrong) from None


def _is_secret(annotation: Any) -> bool:
    return SecretStr in {annotation, *get_args(annotation)}


def _kind(name: str, kind: str) -> TargetKind:
    found = entry_points(group=GROUP)
    if kind not in found.names:
        known = ", ".join(sorted(found.names)) or "none is installed"
        raise TargetSetupError(f"{name}: no kind of target is called {kind!r}; there is: {known}")
    place = found[kind].value
    try:
        made = found[kind].load()
    except ModuleNotFoundError as missing:
        raise TargetSetupError(f"{name}: the kind {kind!r} needs {missing.name}, which is not installed") from None
    except AttributeError as missing:
        raise TargetSetupError(f"{name}: the kind {kind!r} is to be {place}: {missing}") from None
    if not hasattr(made, "Settings"):
        raise TargetSetupError(f"{name}: the kind {kind!r} is to be {place}, which has no Settings")
    return cast(TargetKind, made)
