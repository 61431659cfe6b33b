"""Peer: torchxrayvision's own way to load a radiograph: gray, normalised to ±1024, cropped and resized; no colour."""

from pathlib import Path

import numpy as np
import torchxrayvision as xrv
from common import read_part
from numpy.typing import NDArray
from torch.utils.data import Dataset
from torchvision import transforms as T


class Images(Dataset[tuple[NDArray[np.float32], int]]):
    """Files → (1, size, size)."""

    def __init__(self, table: Path, part: str, size: int) -> None:
        rows = read_part(table, part)
        self.files, self.labels = list(rows["path"]), list(rows["label"])
        self.steps = T.Compose([xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(size, engine="cv2")])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> tuple[NDArray[np.float32], int]:
        read = xrv.utils.read_xray_dcm if self.files[i].endswith(".dcm") else xrv.utils.load_image
        image = read(self.files[i])
        return self.steps(image if image.ndim == 3 else image[None]).astype(np.float32), self.labels[i]
