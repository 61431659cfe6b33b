"""A folder of phantoms: drawn once, in parallel, and the same for any number of processes."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from glob import escape
from io import BytesIO
from pathlib import Path
from typing import Literal, get_args
from uuid import uuid4

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid

from medxfer.base.errors import MedxferError, unknown
from medxfer.data.dicom import read_gray
from medxfer.data.phantom import dicom_files, projections
from medxfer.data.phantom.anatomy import virtual_patient
from medxfer.data.processes import SECONDS, in_processes

Modality = Literal["DX", "CT"]
CLASSES = ("lesion", "no_lesion")
GENERATION = 1  # of the drawings: another number means other pictures
CT_WINDOWS = ((40, 400), (50, 350), (35, 450))  # what scanners store, HU


@dataclass(frozen=True)
class _Plan:
    """All that decides what is written."""

    modality: Modality
    patients: int
    images: int
    seed: int
    size: int

    def seeds(self, *patient: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=(get_args(Modality).index(self.modality), *patient))

    def lesions(self) -> list[bool]:
        """For each patient whether there is a lesion; half of them."""
        order = np.random.default_rng(self.seeds()).permutation(self.patients)
        return [bool(place % 2) for place in order]

    def uid(self, *of: object) -> UID:
        """A UID for a patient's study, or an image's series and so on, that no other phantom has."""
        return generate_uid(entropy_srcs=["medxfer phantom", repr((GENERATION, astuple(self), of))])

    def name(self, patient: int, image: int) -> str:
        return hashlib.sha256(self.uid(patient, image).encode()).hexdigest()[:16] + ".dcm"

    def labels(self) -> str:
        """The text of labels.csv."""
        rows = ["path,label,patient_id"]
        for patient, lesion in enumerate(self.lesions()):
            label = f"{CLASSES[not lesion]},{patient_id(patient)}"
            rows += [f"{self.name(patient, image)},{label}" for image in range(self.images)]
        return "\n".join(rows) + "\n"


def patient_id(patient: int) -> str:
    return f"P{patient + 1:04d}"


def write_phantoms(
    root: Path,
    modality: Modality,
    patients: int = 240,
    images: int = 3,
    seed: int = 0,
    size: int = 256,
    workers: int | None = None,
) -> Path:
    """Write `root`/*.dcm, `size` pixels wide, and `root`/labels.csv (path,label,patient_id); return `root`.

    Half of the patients have lesions, in all of their images: label "lesion", or else "no_lesion". DX: nodules, in
    lungs that are hazier throughout; CT: dark spots, in a liver that is fattier throughout. The change throughout is
    what a network without pretraining can find in so few images. What is written depends on the settings alone, not
    on `workers` (default: a process for each core). The folder appears when it is complete. If it is there already,
    with the same settings, this returns at once. Several processes may ask for the same folder.

    Raises MedxferError if a setting is wrong, `root` holds anything else, or it cannot be written.
    """
    if modality not in get_args(Modality):
        raise unknown("modality of a phantom", modality, get_args(Modality), "it is DX or CT")
    if min(patients, images) < 1 or size < 16 or seed < 0:
        raise MedxferError("phantoms need at least 1 patient, 1 image, 16 pixels and a seed of 0 or more")
    root, plan = Path(root), _Plan(modality, patients, images, seed, size)
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root.parent / f".{root.name}.lock"):
            if not _complete(root, plan):
                _write(root, plan, workers)
    except OSError as error:
        raise MedxferError(
            f"cannot write phantoms to {root}: {error.strerror or error}; choose another folder (store.root=)"
        ) from error
    return root


def example(modality: Modality, size: int) -> NDArray[np.float32]:
    """A phantom with a lesion for figures, as read from its file: (size, size) HU (CT), or gray in [0, 1] (DX)."""
    plan = _Plan(modality, patients=2, images=1, seed=0, size=size)
    dataset = next(_images(plan, plan.lesions().index(True), diseased=True))
    file = BytesIO()  # not a temporary file: a page is made where the disk is full as well
    dataset.save_as(file, enforce_file_format=True)
    file.seek(0)
    return read_gray(file, window=None if modality == "CT" else "auto")


def _complete(root: Path, plan: _Plan) -> bool:
    """Whether `root` holds just this; False if it is not there yet."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    labels, expected = root / "labels.csv", plan.labels()
    if labels.is_file() and labels.read_text() == expected:
        names = {row.partition(",")[0] for row in expected.splitlines()[1:]}
        if names <= {entry.name for entry in root.iterdir()}:
            return True
    raise MedxferError(f"{root} is not the phantoms that were asked for: remove it, or choose another folder")


def _write(root: Path, plan: _Plan, workers: int | None) -> None:
    """Draw every patient. Only one process at a time may do this."""
    folder = root.parent / f".{root.name}.partial-{uuid4().hex}"
    folder.mkdir()
    lesions = plan.lesions()

    def write(patient: int) -> None:
        for image, dataset in enumerate(_images(plan, patient, lesions[patient])):
            dataset.save_as(folder / plan.name(patient, image), enforce_file_format=True)

    try:
        if workers == 1:
            for patient in range(plan.patients):
                write(patient)
        else:
            seconds = SECONDS * plan.images
            with closing(in_processes(write, range(plan.patients), workers, lambda _: seconds, few=4)) as outcomes:
                for _, lost in outcomes:
                    if lost:
                        raise MedxferError(f"cannot draw phantoms to {root}: a process was lost; ask for them again")
        (folder / "labels.csv").write_text(plan.labels())
        folder.rename(root)
    finally:
        for partial in root.parent.glob(f".{escape(root.name)}.partial-*"):  # also what a killed process has left
            shutil.rmtree(partial, ignore_errors=True)


def _images(plan: _Plan, patient: int, diseased: bool) -> Iterator[Dataset]:
    """The images of one patient. Lesions have random numbers of their own: nothing else depends on them."""
    for_body, for_lesions, *for_images = plan.seeds(patient).spawn(2 + plan.images)
    rng, lesion_rng = np.random.default_rng(for_body), np.random.default_rng(for_lesions)
    haze, fatty = (lesion_rng.uniform(40, 180), lesion_rng.uniform(10, 35)) if diseased else (0, 0)
    body = virtual_patient(rng, haze, fatty)
    level = projections.liver_level(rng, body)
    white_is_air, window = bool(rng.integers(2)), CT_WINDOWS[rng.integers(len(CT_WINDOWS))]
    is_dx = plan.modality == "DX"
    lesions = []
    if diseased:
        lesions = (
            projections.lung_nodules(lesion_rng, body) if is_dx else projections.liver_lesions(lesion_rng, body, level)
        )
    for image, for_image in enumerate(for_images):
        rng = np.random.default_rng(for_image)
        study, sop, series = plan.uid(patient), plan.uid(patient, image), plan.uid(patient, image, "series")
        ds = dicom_files.empty(plan.modality, sop, study, series, patient_id(patient), number=image + 1)
        if is_dx:
            plane = projections.frontal_plane(rng, plan.size)
            attenuation = projections.draw_dx(rng, body, plane, lesions)
            dicom_files.fill_dx(ds, attenuation, plane.spacing, white_is_air, shift=rng.normal(0, 0.06))
        else:
            height = level + rng.uniform(-0.4, 0.4)
            plane = projections.axial_plane(rng, height, plan.size)
            hu = projections.draw_ct(rng, body, plane, lesions)
            dicom_files.fill_ct(ds, hu, plane.spacing, height, window, frame=plan.uid(patient, image, "frame"))
        yield ds
