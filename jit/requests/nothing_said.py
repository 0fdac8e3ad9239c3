"""Whether what stands where a reason belongs says anything at all."""

_KEYS = (
    *("qwertyuiop", "qwertzuiop\u00fc", "azertyuiop", "asdfghjkl\u00f6\u00e4", "qsdfghjklm", "zxcvbnm", "yxcvbnm"),
    *("1234567890", "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm"),
)
_ROWS = (*_KEYS, *(row[::-1] for row in _KEYS))
_SHORTEST_ROW, _LONGEST_ROW = 3, max(map(len, _KEYS))
_SHORTEST_NUMBER = 3
"""Digits: a ticket has as many, and more."""
_OFTEN = 3
"""Times in a row that no word has the same in it: `hahaha`."""
_PLACEHOLDERS = frozenset(
    (
        *("test", "tests", "testing", "tested", "tst", "foo", "foobar", "bar", "baz", "qux", "bla", "blah", "blub"),
        *("lorem", "ipsum", "dolor", "dummy", "placeholder", "something", "stuff", "hello", "hallo", "hi", "hey"),
        *("na", "none", "nil", "null", "nothing", "undefined", "void", "empty", "blank", "tbd", "tba", "todo", "idk"),
        *("dunno", "whatever", "ok", "okay", "yes", "yep", "ja", "please", "pls", "plz", "thanks", "thx", "lol"),
        *("abc", "abcd", "abcde", "xyz", "reason", "reasons", "because", "weil", "darum", "grund", "keine", "nichts"),
        *("egal", "bitte", "rien", "nada"),
    )
)
"""What is typed where something has to stand."""
_FILLING = frozenset(
    (
        *("a", "an", "the", "my", "some", "any", "no", "just", "only", "so", "for", "is", "it", "this", "that", "i"),
        *("me", "again", "and", "or", "of", "in", "to"),
    )
)
"""Beside a placeholder it makes no reason: `just a test`. Alone it may be one: `no` denies."""


def says_nothing(text: str, access: str = "") -> bool:
    """`.`, `xxx`, `asdf`, `qwer asdf 123`, `n/a`, `just a test`, and the name of the access itself."""
    words = [_letters(word) for word in text.split()]
    words = [word for word in words if word]
    if not words or "".join(words) == _letters(access):
        return True
    empty = [word for word in words if _is_empty(word)]
    return bool(empty) and all(word in empty or word in _FILLING for word in words)


def _is_empty(word: str) -> bool:
    return (
        _is_one_letter(word)
        or (word.isdecimal() and len(word) < _SHORTEST_NUMBER)
        or _is_again_and_again(word)
        or _is_row(word)
        or word in _PLACEHOLDERS
    )


def _is_again_and_again(word: str) -> bool:
    """`hahaha`; and `blabla`, which is a placeholder twice."""
    size = (word + word).find(word, 1)
    return size < len(word) and (len(word) >= size * _OFTEN or word[:size] in _PLACEHOLDERS)


def _is_one_letter(word: str) -> bool:
    """Of some scripts a single letter is a word."""
    return len(set(word)) == 1 and (len(word) > 1 or word.isascii())


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _is_row(word: str) -> bool:
    """Whether it is keys that stand side by side, once, again and again, or one row after another: `asdfqwer`."""
    ends = {0}
    for begin in range(len(word)):
        if begin not in ends:
            continue
        for size in range(_SHORTEST_ROW, min(len(word) - begin, _LONGEST_ROW) + 1):
            if not any(word[begin : begin + size] in row for row in _ROWS):
                break
            ends.add(begin + size)
            if begin + 2 * size > len(word) > begin + size and word[begin:].startswith(word[begin + size :]):
                ends.add(len(word))  # the last is broken off: `asdfasdfas`
    return len(word) in ends
