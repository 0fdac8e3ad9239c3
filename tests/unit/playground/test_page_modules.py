"""The page's modules: in rooms that build on each other, with one name for each thing."""

import re
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

from playground.page.routes import STATIC

_IMPORT = re.compile(r'^import \{ ([^}]+) \} from "(\.[^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|const|class) (\w+)", re.MULTILINE)
TEXTS = {path: path.read_text() for path in sorted(STATIC.rglob("*.js"))}
EXPORTS = {path: _EXPORT.findall(text) for path, text in TEXTS.items()}


def imports(path: Path):
    """What a module takes, and from which."""
    return [(names.split(", "), (path.parent / source).resolve()) for names, source in _IMPORT.findall(TEXTS[path])]


def test_every_import_is_read_here():
    for path, text in TEXTS.items():
        assert len(imports(path)) == len(re.findall(r"^import\b", text, re.MULTILINE)), path.name


def test_what_a_module_takes_is_there():
    taken = [(source, name) for path in TEXTS for names, source in imports(path) for name in names]
    assert taken
    assert [f"{source.name}: {name}" for source, name in taken if name not in EXPORTS[source]] == []


def test_whatever_is_exported_is_used_and_has_a_name_of_its_own():
    exported = [name for names in EXPORTS.values() for name in names]
    assert sorted(exported) == sorted(set(exported))
    taken = {name for path in TEXTS for names, _ in imports(path) for name in names}
    assert set(exported) - taken == {"BLOCK_TYPES", "ELEMENT_TYPES"}, "those two are asked for by tests"


def test_no_two_rooms_build_on_each_other():
    rooms = defaultdict(set)
    for path in TEXTS:
        rooms[path.parent] |= {source.parent for _, source in imports(path)} - {path.parent}
    assert len(rooms) > 1
    order = [room.name for room in TopologicalSorter(rooms).static_order()]  # raises CycleError
    assert order[-1] == STATIC.name


def test_the_types_a_comment_names_are_there():
    named = [
        (path, source, name)
        for path, text in TEXTS.items()
        for source, name in re.findall(r'import\("(\.[^"]+)"\)\.(\w+)', text)
    ]
    assert named
    wrong = [
        f"{path.name}: {source} {name}"
        for path, source, name in named
        if not re.search(rf"@typedef .*\b{name}\b", TEXTS.get((path.parent / source).resolve(), ""), re.DOTALL)
    ]
    assert wrong == []
