"""Emissions cut where typing pauses: the same passages however the emissions came."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from decoder.ctc.greedy import GreedyDecoder
from emgtype.words.passages import Passage, PassageCutter
from messages.charset import BLANK, CLASSES, LABELS, labels_to_text
from messages.emission import Emission

FRAME = 0.008
PAUSE, LONGEST = 0.4, 1.6


def path(text: str) -> Emission:
    """Each character a frame, `_` the blank."""
    probs = np.full((len(text), CLASSES), 1e-6)
    probs[np.arange(len(text)), [BLANK if c == "_" else LABELS[c] for c in text]] = 1 - 1e-6 * (CLASSES - 1)
    return Emission(np.log(probs).astype(np.float32), 10 + FRAME * np.arange(len(text), dtype=np.float64))


def passages(emission: Emission, ends: Sequence[int]) -> list[Passage]:
    cutter, result, start = PassageCutter(PAUSE, LONGEST), list[Passage](), 0
    for end in (*ends, len(emission.times)):
        result += cutter.push(Emission(emission.log_probs[start:end], emission.times[start:end]))
        start = end
    return result + cutter.finish()


def texts(result: Sequence[Passage]) -> list[str]:
    read = []
    for passage in result:
        rows = passage.log_probs
        read.append(
            labels_to_text(k.label for k in GreedyDecoder().push(Emission(rows, np.arange(len(rows), dtype=float))))
        )
    return read


def test_a_pause_ends_a_passage() -> None:
    emission = path("_" * 20 + "h_ii_i" + "_" * 51 + "y_o_" + "_" * 70)
    result = passages(emission, ())
    assert texts(result) == ["hii", "yo"]
    assert [(round((p.start - 10) / FRAME), round((p.end - 10) / FRAME)) for p in result] == [(20, 25), (77, 79)]


def test_a_shorter_pause_does_not() -> None:
    assert texts(passages(path("h_i" + "_" * 45 + "yo"), ())) == ["hiyo"]


def test_silence_is_left_out_but_for_what_parts_two_keys() -> None:
    (passage,) = passages(path("a" + "_" * 40 + "a"), ())
    assert texts([passage]) == ["aa"]
    assert len(passage.log_probs) == 3


def test_what_is_heard_faintly_before_the_first_key_belongs_to_it() -> None:
    emission = path("___a")
    emission.log_probs[2, [LABELS["b"], BLANK]] = np.log([0.4, 0.6])
    (passage,) = passages(emission, ())
    assert (passage.log_probs == emission.log_probs).all()


def test_who_never_pauses_is_cut_at_a_space_or_in_the_end_anywhere() -> None:
    spaced = "ab_" * 70 + " _" + "cd_" * 20
    assert texts(passages(path(spaced), ())) == ["ab" * 70 + " ", "cd" * 20]
    unbroken = texts(passages(path("ab_" * 200), ()))
    assert "".join(unbroken) == "ab" * 200
    assert len(unbroken) == 2


def test_nothing_heard_is_no_passage() -> None:
    assert passages(path("_" * 400), ()) == []
    cutter = PassageCutter(PAUSE, LONGEST)
    cutter.push(path("abc"))
    cutter.reset()
    assert cutter.finish() == []


@given(data=st.data(), text=st.text("ab _", min_size=1, max_size=60), stretch=st.integers(1, 20))
def test_cuts_of_the_emissions_do_not_matter(data: st.DataObject, text: str, stretch: int) -> None:
    emission = path("".join(c * (stretch if c == "_" else 1) for c in text))
    frames = len(emission.times)
    cuts = sorted(data.draw(st.sets(st.integers(0, frames), max_size=6)))
    whole = passages(emission, ())
    for ends in (cuts, range(1, frames)):
        result = passages(emission, ends)
        assert [(p.start, p.end) for p in result] == [(p.start, p.end) for p in whole]
        assert all((p.log_probs == w.log_probs).all() for p, w in zip(result, whole, strict=True))
