"""What to try: a step that a person opened stays open while others tick themselves off."""

STEPS = """async (done) => {
  const { guide } = await import("/page/stage/guide.js");
  const root = document.createElement("div");
  const show = guide(root, () => {});
  const steps = (upTo) =>
    ["first", "second", "third"].map((name, at) => ({ name, says: name, done: at < upTo, does: [] }));
  const open = () => [...root.querySelectorAll("details")].map((each) => each.open);
  const seen = [];
  for (const [upTo, toggled] of done) {
    show(steps(upTo));
    if (toggled !== null) root.querySelectorAll("details")[toggled].open ^= true;
    seen.push(open());
  }
  return seen;
}"""


def test_the_first_step_that_is_not_done_stands_open(page):
    assert page.evaluate(STEPS, [[0, None], [1, None], [1, None], [3, None]]) == [
        [True, False, False],
        [False, True, False],
        [False, True, False],
        [False, False, False],
    ]


def test_what_a_person_opened_is_not_closed_when_another_step_is_done(page):
    assert page.evaluate(STEPS, [[0, 2], [1, None], [2, None]]) == [
        [True, False, True],
        [False, True, True],
        [False, False, True],
    ]
