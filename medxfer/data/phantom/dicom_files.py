"""Phantom images as DICOM data sets: Digital X-Ray for Presentation (PS3.3 A.26) and CT (PS3.3 A.3).

Nothing in a header depends on the label.
"""

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from medxfer.data.phantom.ellipsoids import Array
from medxfer.data.phantom.projections import PADDING

SOP_CLASS = {"DX": uid.DigitalXRayImageStorageForPresentation, "CT": uid.CTImageStorage}
DX_STEPS = 600  # stored values per unit of ln(I₀/I)
DX_MAX = 4095  # 12 bits
CT_INTERCEPT = -1024


def empty(modality: str, sop: uid.UID, study: uid.UID, series: uid.UID, patient_id: str, number: int) -> Dataset:
    """What every image has but for the image itself; `number` counts a patient's images from 1."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SOP_CLASS[modality]
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = sop
    ds.Modality = modality
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = study, series
    ds.PatientID, ds.PatientName = patient_id, f"Phantom^{patient_id}"
    ds.SeriesNumber, ds.InstanceNumber = number, 1
    ds.PatientBirthDate = ds.PatientSex = ds.StudyDate = ds.StudyTime = ds.StudyID = ""
    ds.AccessionNumber = ds.ReferringPhysicianName = ""
    ds.Manufacturer, ds.ManufacturerModelName = "medxfer", "analytic phantom"
    ds.ContentDate = ds.ContentTime = ""
    ds.BodyPartExamined = "CHEST"
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    return ds


def fill_dx(ds: Dataset, attenuation: Array, spacing: float, white_is_air: bool, shift: float) -> None:
    """Add the image `attenuation`, (H, W) of ln(I₀/I), its pixels `spacing` cm apart.

    MONOCHROME1 where air has the largest stored value (`white_is_air`), else MONOCHROME2. The window holds all but
    the outermost values, as if set by hand: `shift`, a share of its width, off the middle.
    """
    stored = np.clip(np.rint(attenuation * DX_STEPS), 0, DX_MAX)
    low, high = np.percentile(stored, [2, 98])
    center = (low + high) / 2 + shift * (high - low)
    if white_is_air:
        stored, center = DX_MAX - stored, DX_MAX - center
    _fill_pixels(ds, stored.astype("<u2"), bits=12)
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.PhotometricInterpretation = "MONOCHROME1" if white_is_air else "MONOCHROME2"
    ds.PresentationLUTShape = "INVERSE" if white_is_air else "IDENTITY"
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = 1 if white_is_air else -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.WindowCenter, ds.WindowWidth = f"{center:.0f}", f"{high - low + 1:.0f}"
    ds.ImagerPixelSpacing = [f"{10 * spacing:.6g}"] * 2
    ds.DetectorType = "DIRECT"
    ds.ViewPosition, ds.PatientOrientation, ds.ImageLaterality = "PA", ["L", "F"], "U"
    ds.AnatomicRegionSequence = Sequence([_code("51185008", "SCT", "Chest")])
    ds.ViewCodeSequence = Sequence([_code("399348003", "SCT", "postero-anterior")])
    ds.ViewCodeSequence[0].ViewModifierCodeSequence = Sequence()
    ds.PatientOrientationCodeSequence = Sequence()
    ds.AcquisitionContextSequence = Sequence()


def fill_ct(ds: Dataset, hu: Array, spacing: float, level: float, window: tuple[int, int], frame: uid.UID) -> None:
    """Add the slice `hu` (H, W) at the height `level` cm, its pixels `spacing` cm apart; `window` in HU."""
    padding = hu == PADDING
    stored = np.where(padding, PADDING, np.clip(np.rint(hu), CT_INTERCEPT, 3071)) - CT_INTERCEPT
    corner = -10 * spacing * (len(hu) - 1) / 2
    _fill_pixels(ds, stored.astype("<i2"), bits=16)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = f"{CT_INTERCEPT}", "1", "HU"
    ds.PixelPaddingValue = int(PADDING) - CT_INTERCEPT
    ds.WindowCenter, ds.WindowWidth = (f"{value}" for value in window)
    ds.PixelSpacing = [f"{10 * spacing:.6g}"] * 2
    ds.ImagePositionPatient = [f"{corner:.6g}", f"{corner:.6g}", f"{10 * level:.6g}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.SliceThickness, ds.KVP, ds.AcquisitionNumber = "1", "120", 1
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = frame, ""
    ds.PatientPosition = "HFS"


def _fill_pixels(ds: Dataset, stored: np.ndarray, bits: int) -> None:
    ds.Rows, ds.Columns = stored.shape
    ds.SamplesPerPixel, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 16, bits, bits - 1
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.tobytes()


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
