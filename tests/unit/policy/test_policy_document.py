from hypothesis import given
from hypothesis import strategies as st

from jit.policy.files.document import NotText, read_document
from jit.policy.files.mistakes import MOST_MISTAKES


def problems(data):
    return [(mistake.line, mistake.problem) for mistake in read_document("x.policy.yml", data).mistakes]


def test_every_value_is_read_and_knows_its_line():
    document = read_document("x", b"# note\na:\n  b: [one, 2]\n  c: '3'\nd: true\ne:\n")
    assert document.content == {"a": {"b": ("one", 2), "c": "3"}, "d": True, "e": None}
    assert document.lines["a", "b", 1] == 3
    assert document.lines["a", "c"] == 4
    assert not document.mistakes


def test_a_bare_number_or_date_is_no_text():
    for word, what in (("1.5", "a number"), ("0x1f", "a number"), ("2026-01-01", "a date")):
        assert read_document("x", f"a: {word}".encode()).content == {"a": NotText(what)}, word
        assert read_document("x", f"a: '{word}'".encode()).content == {"a": word}, word


def test_traps_are_named_with_their_line():
    for data, line, problem in (
        (b"a: 1\nb: yes", 2, 'put "yes" in quotes'),
        (b"a: 1\non: x", 2, 'put "on" in quotes'),
        (b"a: &x [1]\nb: *x", 2, "aliases"),
        (b"a: !!python/name:os.system x", 1, "tags"),
        (b"a: 1\na: 2", 2, "defined twice; first in line 1"),
        (b"1: x", 1, "a key must be text"),
        (b"? [1, {a: b}]\n: x", 1, "a key must be text"),
        (b"\xef\xbb\xbfa: 1", 1, "byte order mark"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        (b"a: 1\nb: \x07", 2, "cannot stand in a text file"),
        ("a: 1\n# note\u2028b: 2".encode(), 2, "U+2028"),
        ("a: 1\n\ufeffb: 2".encode(), 2, "U+FEFF"),
        (b"a: 1\nb: c: d", 2, "not YAML"),
        (b"a:\n\t- b", 2, "not YAML"),
        (b"a: 1\n---\nb: 2", 2, "second YAML document"),
        (b"%YAML 1.1\n---\na: 1", 1, "%-directives"),
        (b"[" * 5_000, 1, "nested too deeply"),
        (b"{" * 5_000, 1, "nested too deeply"),
        (b"#" * (5 * 1024 * 1024), 0, "larger than 4 MB"),
    ):
        [(where, what)] = problems(data)
        assert where == line, problem
        assert problem in what


def test_an_alias_bomb_is_refused_before_it_grows():
    layers = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    document = read_document("x", "\n".join(["a0: &a0 [x]", *layers]).encode())
    assert len(document.mistakes) == MOST_MISTAKES


_YAMLISH = st.lists(
    st.sampled_from(
        [*"ab:-[]{}&*!%|>'\"?,#\n \t~=<@`", "- ", ": ", "? ", "<<", "---\n", "%YAML 1.2\n", "\\x", "é", "&a ", "*a"]
    ),
    max_size=30,
).map("".join)


@given(st.one_of(st.binary(max_size=60), _YAMLISH.map(str.encode), st.text().map(lambda text: text.encode())))
def test_no_file_breaks_the_reader(data):
    document = read_document("x", data)
    assert document.readable or document.mistakes
