"""The docs against the code: what they name exists, the page of rooms has every room, the numbers are of something."""

import re
import tomllib
from functools import cache, reduce
from importlib import import_module
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT): path.read_text() for path in [*ROOT.glob("docs/**/*.md"), ROOT / "README.md"]}
ROOMS = (ROOT / "docs/architecture.md").read_text()
NUMBERS = (ROOT / "docs/request.md").read_text().partition("## Numbers that are promises")[2].partition("\n## ")[0]
DECISIONS = ROOT / "docs/decisions"

OURS = "jit|bot|workers|api|demo|playground|tests"
PATH = re.compile(rf"(?<![\w./-])(?:{OURS}|deploy|docs|policies|requirements)/[\w./@-]*[\w@-]")
DOTTED = re.compile(rf"`((?:{OURS})(?:\.\w+)+)`")
FILE = re.compile(r"`(\w+\.py)`")
NO_MODULES = {"jit.env", "jit.targets", "jit.commands", "jit.providers"}
"""A file, and groups of entry points."""
MISSING = object()


def resolves(name: str) -> bool:
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        return reduce(lambda of, part: getattr(of, part, MISSING), parts[cut:], found) is not MISSING
    return False


@cache
def file_names() -> set[str]:
    return {path.name for room in OURS.split("|") for path in (ROOT / room).rglob("*.py")}


def test_every_path_that_the_docs_name_is_there() -> None:
    named = {(str(page), path) for page, text in PAGES.items() for path in PATH.findall(text)}
    assert len(named) > 100
    assert [(page, path) for page, path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_file_that_the_docs_name_without_its_folder_is_there() -> None:
    named = {(str(page), name) for page, text in PAGES.items() for name in FILE.findall(text)}
    assert [(page, name) for page, name in sorted(named) if name not in file_names()] == []


def test_every_dotted_name_of_the_docs_is_something_of_ours() -> None:
    named = {
        (str(page), name) for page, text in PAGES.items() for name in DOTTED.findall(text) if name not in NO_MODULES
    }
    assert len(named) > 50
    assert [(page, name) for page, name in sorted(named) if not resolves(name)] == []


def test_numbers_that_are_promises_are_of_something() -> None:
    rows = [row for row in NUMBERS.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 10
    assert [row for row in rows if not DOTTED.search(row)] == []


def packages(*rooms: str) -> list[Path]:
    return sorted(init.parent for room in rooms for init in (ROOT / room).rglob("__init__.py"))


def test_every_room_is_on_the_page_of_rooms() -> None:
    rooms = [str(package.relative_to(ROOT)) for package in packages("jit", "bot", "workers", "api")]
    assert [room for room in rooms if f"`{room}`" not in ROOMS and f"`{room}/" not in ROOMS] == []


def test_the_rooms_of_the_core_are_in_the_order_in_which_they_may_import() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    places = [[ROOMS.index(f"`jit/{room}", ROOMS.index("## `jit`")) for room in layer.split(" : ")] for layer in layers]
    assert len(places) > 10
    assert all(max(above) < min(below) for above, below in pairwise(places))


def test_a_file_on_the_page_of_rooms_is_in_the_room_of_its_row() -> None:
    for room, says in re.findall(r"^\|[ ·]+`([\w/.]+)`[^|]*\|(.*)\|$", ROOMS, re.MULTILINE):
        folder = ROOT / room if (ROOT / room).is_dir() else (ROOT / room).parent
        assert [name for name in FILE.findall(says) if not (folder / name).exists()] == [], room


def test_every_package_says_what_it_is_for() -> None:
    rooms = packages("jit", "bot", "workers", "api", "demo", "playground")
    assert [str(room) for room in rooms if not (room / "__init__.py").read_text().startswith('"""')] == []


def test_every_decision_is_in_the_index_and_says_what_would_change_it() -> None:
    index = (DECISIONS / "README.md").read_text()
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    assert re.findall(r"\]\((.+?)\)", index) == [page.name for page in pages]
    for page in pages:
        text = page.read_text()
        assert page.name.startswith(re.findall(r"^# (\d{3}) ", text)[0])
        assert "**Context.**" in text, page.name
        assert "**Choice.**" in text, page.name
        assert "**What would change it.**" in text, page.name
