"""What is left out by rule: other objects of a PACS, localizers, captures, copies, and what data.keep asks for."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_files import write_dicom

from medxfer.base.errors import MedxferError
from medxfer.data.header_facts import HeaderFacts
from medxfer.data.sources.keep import left_out_by_rule, without_left_out
from medxfer.data.sources.source import Index

AXIAL = {"modality": "CT", "image_type": "ORIGINAL/PRIMARY/AXIAL", "sop_class": "CT Image Storage"}
SCOUT = AXIAL | {"image_type": "ORIGINAL/PRIMARY/LOCALIZER"}
CAPTURE = {"modality": "CT", "image_type": "DERIVED/SECONDARY", "sop_class": "Secondary Capture Image Storage"}


def headers(*facts: dict) -> pd.DataFrame:
    rows = [HeaderFacts(**{"modality": "DX", "burned_in": False} | fact) for fact in facts]
    return pd.DataFrame(rows, columns=HeaderFacts._fields)


def reasons(*facts: dict, **keep) -> list[str]:
    return [reason.removeprefix("by rule: ") for reason in left_out_by_rule(headers(*facts), keep)]


def test_objects_that_are_no_images() -> None:
    found = reasons(
        AXIAL, *({"modality": modality} for modality in ("SEG", "RTDOSE", "RTSTRUCT", "SR", "KO", "PR")),
        {"modality": "unknown", "sop_class": "Grayscale Softcopy Presentation State Storage"},
    )  # fmt: skip
    objects = [f"no image ({name})" for name in ("SEG", "RTDOSE", "RTSTRUCT", "SR", "KO", "PR")]
    assert found == ["", *objects, "no image (Grayscale Softcopy Presentation State Storage)"]
    assert reasons({"modality": "RTDOSE"}, AXIAL, modality="rtdose") == ["", "data.keep.modality"]


def test_a_localizer_and_a_capture_are_left_out_unless_they_are_all_there_is() -> None:
    assert reasons(AXIAL, SCOUT, CAPTURE) == ["", "localizer", "derived secondary capture"]
    assert reasons(SCOUT, SCOUT) == reasons(CAPTURE, CAPTURE) == ["", ""]
    assert reasons(CAPTURE, AXIAL | {"unreadable": "truncated"}) == ["", ""]
    assert reasons(AXIAL, SCOUT, CAPTURE, image_type=["*LOCALIZER", "derived*"]) == ["data.keep.image_type", "", ""]
    assert reasons(SCOUT | {"modality": "DX"}, AXIAL) == ["", ""]  # a word of slices


def test_patterns_keep_what_they_match_and_say_which_left_a_file_out() -> None:
    views = [{"view": "PA"}, {"view": "LL"}, {"view": ""}, {"view": "pa", "body_part": "HAND"}]
    assert reasons(*views, view="PA") == ["", "data.keep.view", "data.keep.view", ""]
    both = reasons(*views, view=["P*", "L?"], body_part="*chest*")
    assert both == ["data.keep.body_part"] * 2 + ["data.keep.view", "data.keep.body_part"]
    assert reasons(AXIAL | {"series_description": "Thorax nativ"}, AXIAL, series_description="thorax*") == [
        "", "data.keep.series_description",
    ]  # fmt: skip
    unknown = {"modality": "", "unreadable": "not DICOM"}  # stays a fault
    assert reasons({"view": "PA"}, unknown, view="PA") == ["", ""]


def test_a_copy_counts_once_and_one_uid_in_different_images_is_no_copy() -> None:
    one = AXIAL | {"instance": "1.2.3", "series": "1.2", "position": 5.0}
    assert reasons(one, one, one | {"position": 10.0}) == ["", "copy of another file", ""]
    assert reasons(AXIAL, AXIAL, {"instance": "1.2.3"}, {"instance": "1.2.3"}) == [""] * 4


def test_of_copies_the_first_that_can_be_read_is_the_image() -> None:
    one = AXIAL | {"instance": "1.2.3", "series": "1.2"}
    cut = one | {"unreadable": "truncated"}
    assert reasons(cut, one, one) == ["copy of another file", "", "copy of another file"]
    assert reasons(cut, cut) == ["", "copy of another file"]  # a fault stays one
    kept, _ = without_left_out(*labelled([cut, one], [1, 1]))
    assert kept.images["file"].tolist() == ["1.dcm"]
    with pytest.raises(MedxferError, match=r"'0\.dcm' and '1\.dcm' are copies .* two labels"):
        without_left_out(*labelled([cut, one], [0, 1]))


def test_one_uid_in_images_of_other_pixels_is_no_copy_and_it_is_said(tmp_path: Path) -> None:
    """However little else their headers say: a careless program may have written one UID into every file."""
    one = AXIAL | {"instance": "1.2.3", "series": "1.2"}
    pixels = np.random.default_rng(0).integers(0, 4096, (3, 300, 300), np.uint16)
    pixels[1, :, :] = pixels[0]
    pixels[1, 150, 150] += 1  # in the middle alone
    for place, of in enumerate((0, 1, 2, 0)):
        write_dicom(tmp_path / f"{place}.dcm", pixels[of], PatientID=str(place))
    index, facts = labelled([one] * 4, [0, 1, 0, 0])
    kept, known = without_left_out(index, facts, path_of=tmp_path.joinpath)
    assert kept.images["file"].tolist() == ["0.dcm", "1.dcm", "2.dcm"]
    assert kept.left_out == {"by rule: copy of another file": ("3.dcm",)}
    assert [len(caveats) for caveats in known["caveats"]] == [0, 1, 1]
    with pytest.raises(MedxferError, match=r"'0\.dcm' and '3\.dcm' are copies .* two labels"):
        without_left_out(*labelled([one] * 4, [0, 1, 0, 1]), path_of=tmp_path.joinpath)


def test_a_wrong_setting_is_one_sentence() -> None:
    with pytest.raises(MedxferError, match=r"data.keep 'vew': did you mean view"):
        reasons(AXIAL, vew="PA")
    with pytest.raises(MedxferError, match=r"data\.keep\.view=\[\]"):
        reasons(AXIAL, view=[])


def labelled(facts: list[dict], labels: list[int], **columns) -> tuple[Index, pd.DataFrame]:
    files = [f"{i}.dcm" for i in range(len(facts))]
    images = pd.DataFrame({"file": files, "patient": files, "split": "", **columns})
    return Index(images, np.array(labels), ("a", "b"), "binary"), headers(*facts).set_axis(files)


def test_an_index_loses_what_the_rules_leave_out_and_names_it() -> None:
    index, facts = labelled([AXIAL, SCOUT, AXIAL, {"modality": "SR", "unreadable": "no pixel data"}], [0, 1, 1, 0])
    kept, known = without_left_out(index, facts)
    assert kept.images["file"].tolist() == list(known.index) == ["0.dcm", "2.dcm"]
    assert kept.labels.tolist() == [0, 1]
    assert kept.left_out == {"by rule: localizer": ("1.dcm",), "by rule: no image (SR)": ("3.dcm",)}
    with pytest.raises(MedxferError, match=r"data\.keep leaves no image of 4 \(4 by rule: data\.keep\.modality"):
        without_left_out(index, facts, {"modality": "MG"})


def test_a_view_is_also_one_of_the_releases_own_table() -> None:
    index, facts = labelled([{}, {}], [0, 1], view=["Frontal PA", "Lateral"])
    kept, _ = without_left_out(index, facts, {"view": "frontal*"})
    assert kept.images["file"].tolist() == ["0.dcm"]


def test_copies_with_two_labels_are_an_error_that_names_both() -> None:
    one = AXIAL | {"instance": "1.2.3", "series": "1.2"}
    assert len(without_left_out(*labelled([one, AXIAL, one], [0, 1, 0]))[0].images) == 2
    with pytest.raises(MedxferError, match=r"'0\.dcm' and '2\.dcm' are copies .* two labels"):
        without_left_out(*labelled([one, AXIAL, one], [0, 1, 1]))
