"""What the images of a training have in common, and what is told of one that has it not."""

import numpy as np
import pytest

from medxfer.data.serve.usual import Usual, read_usual, tone, usual

GRAY = np.random.default_rng(0).integers(80, 170, (30, 8, 8), dtype=np.uint8)
ROWS = np.arange(20)
SIZES = ["1000×800"] * 10 + ["2000×1600"] * 10


@pytest.fixture
def known() -> Usual:
    return usual(GRAY, ROWS, SIZES)


def test_the_training_s_own_are_not_unlike_it(known: Usual) -> None:
    assert all(known.unlike(tone(GRAY[row]), size) == [] for row, size in zip(ROWS, SIZES, strict=True))


@pytest.mark.parametrize(
    ("picture", "size", "said"),
    [
        (GRAY[0] // 4, "1000×800", ["its gray level is 0.12", "its contrast is 0.02"]),
        (
            np.where(GRAY[0] > 125, 255, 0).astype(np.uint8),
            "1000×800",
            ["its gray level is 0.4", "its contrast is 0.4"],
        ),
        (GRAY[0], "300×240", ["it is 300×240 pixels, in training 1000 to 2000"]),
        (GRAY[0], "1000×2000", ["its rows over columns are 0.50, in training 1.25 to 1.25"]),
        (GRAY[0], "", []),
    ],
)
def test_what_is_outside_is_told(known: Usual, picture: np.ndarray, size: str, said: list[str]) -> None:
    found = known.unlike(tone(picture), size)
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_equal_grays_of_two_depths_have_one_tone(known: Usual) -> None:
    assert tone(GRAY[0].astype(np.uint16) * 257) == pytest.approx(tone(GRAY[0]))
    assert tone(np.full((2, 2), -300, np.int16)) == (-300, 0)  # Hounsfield units


def test_it_is_read_as_it_was_recorded(known: Usual) -> None:
    again = read_usual(known.record())
    assert again.level == pytest.approx(known.level, abs=1e-4)
    assert (again.side, again.aspect) == ((1000, 2000), (1.25, 1.25))
    assert read_usual(None) is None
    assert usual(GRAY, ROWS, [""] * 20).side is None
