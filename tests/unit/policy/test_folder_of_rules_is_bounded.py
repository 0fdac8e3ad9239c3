"""Policy files that take long to read hold up no end, and all of them together are bounded."""

import os
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest

from bot.followers.follower import Tools
from bot.followers.reached import named_in
from bot.followers.watch import PATIENCE, Watch
from jit.facts import Alert
from jit.ledger import Notes
from jit.people import membership
from jit.policy import Policy, PolicyError, load_policy
from jit.policy.files import document, folder, load
from jit.policy.files.mistakes import MOST_MISTAKES
from jit.requests.lifecycle import State
from tests.world.base import RULES
from tests.world.hands import Hands
from tests.world.raised import raised
from tests.world.waiting import HUNG


@pytest.fixture
def house(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


@pytest.fixture
def reading(house: Hands, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While somebody reads changed files that take for ever, in a process with an access."""
    house.active(minutes=30)
    begun, go_on = Event(), Event()

    def slow(path: Path) -> object:
        begun.set()
        go_on.wait()
        return load_policy(path)

    monkeypatch.setattr(folder, "load_policy", slow)
    house.rules(("8h", "7h"), text=house.policy_file.read_text())
    reader = Thread(target=house.policies.current, daemon=True)
    reader.start()
    assert begun.wait(HUNG)
    yield
    go_on.set()
    reader.join(HUNG)


@pytest.mark.usefixtures("reading")
def test_files_that_are_being_read_hold_up_no_end(house: Hands) -> None:
    house.clock.move(minutes=30)
    done = Event()

    def sweep() -> None:
        house.timekeeper.sweep()
        done.set()

    Thread(target=sweep, daemon=True).start()

    assert done.wait(HUNG / 10), "the end waits for the files"
    assert house.request().state is State.ENDED
    assert house.target.gives == {}


def refused(path: Path) -> str:
    return str(raised(PolicyError, load_policy, path))


def ones(count: int) -> str:
    return f"[{','.join('1' * count)}]"


def test_keys_and_values_are_bounded_in_one_file_and_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (document, load):
        monkeypatch.setattr(module, "MOST_VALUES", 1000)
    alike = {
        "one list": [ones(1001)],
        "one line for each": ["\n".join(f"- {number}" for number in range(1001))],
        "a key again and again": ["\n".join(["a: 1"] * 600)],
        "three files": [ones(400)] * 3,
        "many small ones": [ones(20)] * 60,
    }
    for name, texts in alike.items():
        there = tmp_path / name
        there.mkdir()
        (there / "a.policy.yml").write_text(RULES)
        for number, text in enumerate(texts):
            (there / f"b{number:02}.policy.yml").write_text(text)
        said = refused(there)
        assert "more than 500,000 keys and values" in said, (name, said)
        assert len(said.splitlines()) < 3, (name, said)


def test_files_are_bounded_by_number_and_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MOST_FILES", 3)
    monkeypatch.setattr(load, "LARGEST_TOGETHER", 1024 * 1024)
    many, large = tmp_path / "many", tmp_path / "large"
    for there, text, count in ((many, RULES, 4), (large, "#" * 600_000, 2)):
        there.mkdir()
        for number in range(count):
            (there / f"{number}.policy.yml").write_text(text)

    assert "holds 4 policy files; 3 are read at most" in refused(many)
    assert "1.policy.yml" in refused(large)
    assert "larger than 1 MB" in refused(large)


def test_a_pipe_put_in_a_files_place_between_two_looks_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told, look = tmp_path / "a.policy.yml", Queue[str](), Path.stat
    file.write_text(RULES)

    def look_and_replace(path: Path, **how: bool) -> os.stat_result:
        found = look(path, **how)
        if path == file:
            file.unlink()
            os.mkfifo(file)
        return found

    monkeypatch.setattr(Path, "stat", look_and_replace)
    Thread(target=lambda: told.put(refused(tmp_path)), daemon=True).start()
    assert "is no ordinary file" in told.get(timeout=HUNG / 10)


def test_a_link_put_in_a_files_place_between_two_looks_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside, there, look = tmp_path / "secret", tmp_path / "rules", Path.stat
    outside.write_text("token_of_somebody: x")
    there.mkdir()
    file = there / "a.policy.yml"
    file.write_text(RULES)

    def look_and_replace(path: Path, **how: bool) -> os.stat_result:
        found = look(path, **how)
        if path == file and not file.is_symlink():
            file.unlink()
            file.symlink_to(outside)
        return found

    monkeypatch.setattr(Path, "stat", look_and_replace)
    said = refused(there)
    assert "a.policy.yml: cannot be read" in said
    assert "token_of_somebody" not in said


def read(path: Path, *texts: str) -> Policy:
    (path / "a.policy.yml").write_text(RULES)
    for number, text in enumerate(texts):
        (path / f"b{number}.policy.yml").write_text(text)
    return load_policy(path)


def layers(depth: int) -> str:
    """Two groups in each layer, both of which hold both of the layer below: two to the power of ways through them."""
    names = ("", *(f'"group:l{n}", "group:r{n}"' for n in range(depth)))
    return "groups:\n" + "".join(
        f"  {side}{n}: [{', '.join(filter(None, (names[n], 'U01ALICE0' if side == 'l' else 'U02BOB000')))}]\n"
        for n in range(depth - 1, -1, -1)
        for side in "lr"
    )


def test_groups_in_groups_in_groups_make_no_process_fall_over(tmp_path: Path) -> None:
    policy = read(tmp_path, layers(2000))
    assert policy.named(["group:l1999"]) == {"U01ALICE0", "U02BOB000"}
    assert list(named_in(["group:l1999"], policy.groups)).count("U01ALICE0") < 5000


def test_groups_that_hold_each_others_people_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "MOST_MEANT", 1000)
    people = ", ".join(f"U0{number:07}" for number in range(100))
    text = f"groups:\n  many: [{people}]\n" + "".join(f"  again{n}: [group:many]\n" for n in range(10))
    with pytest.raises(PolicyError, match="all groups hold more than 1,000 people"):
        read(tmp_path, text)


def test_so_many_mistakes_are_told_of_as_anybody_reads(tmp_path: Path) -> None:
    text = "groups:\n" + "".join(f"  almost{n}: [group:almots{n}]\n" for n in range(300))
    with pytest.raises(PolicyError) as told:
        read(tmp_path, text)
    assert len(told.value.mistakes) == MOST_MISTAKES + 1
    assert "and more" in str(told.value.mistakes[-1])


def test_what_nobody_foresaw_in_the_files_is_a_mistake_in_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def falls_over(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(load, "check_sense", falls_over)
    with pytest.raises(PolicyError, match="cannot be understood"):
        read(tmp_path)


def test_a_file_called_in_no_encoding_is_told_of_all_the_same(house: Hands) -> None:
    house.policy_file.with_name("\udcff\n.policy.yml").write_text('"a\\0b": 1')
    house.clock.move(seconds=2)
    notes = Notes(house.engine, Watch.name)
    watch = Watch(Tools(ledger=house.ledger, notes=notes, policies=house.policies, clock=house.clock))
    for _ in range(2):
        watch.step()
        house.clock.move(seconds=PATIENCE)
    [alert] = [entry.fact for entry in house.ledger.read() if entry.fact.kind == "alert"]
    assert isinstance(alert, Alert)
    assert alert.says.startswith(r"The policy files cannot be used: \udcff\n.policy.yml:1 a\x00b: unknown key")


@pytest.mark.usefixtures("reading")
def test_files_that_are_being_read_hold_up_no_revoke(house: Hands) -> None:
    told = Queue[object]()
    Thread(target=lambda: told.put(house.policies.newest()), daemon=True).start()
    assert told.get(timeout=HUNG / 10) is house.policies.last_good
