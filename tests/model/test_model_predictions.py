import torch
from hypothesis import given
from hypothesis import strategies as st

from medxfer.model.predictions import pooled


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=8), min_size=1, max_size=6))
def test_every_image_is_there_once_in_ascending_order_whatever_the_batches(batches: list[list[int]]) -> None:
    rows = [(torch.tensor(rows), torch.tensor(rows) % 3, torch.tensor(rows)[:, None] / 7) for rows in batches]
    index, label, logits = pooled(rows, processes=1)
    assert index.tolist() == sorted({row for batch in batches for row in batch})
    assert torch.equal(label, index % 3)
    assert torch.equal(logits, index[:, None] / 7)
