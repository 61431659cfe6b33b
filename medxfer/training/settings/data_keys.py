"""The settings of a data set: those that each has, and those that its source takes."""

from medxfer.base.kinds import Flag, Keyed, Name, Number, Text, choice, share, whole
from medxfer.training.settings.combined import ListOf, Or, OrNull
from medxfer.training.settings.described import Group, Keys, Setting

_COLUMN = OrNull(Text("a column's name"), "none")
_PATH = Text("a path")

SPLIT = Group("how patients are divided", {
    "seed": Setting(whole(0), "of the division, apart from the training's seed"),
    "val": Setting(Number(0, 1, open_low=True, open_high=True), "validation's share of the images"),
    "test": Setting(Number(0, 1, open_low=True, open_high=True), "the test's share of the images"),
    "resample": Setting(Flag(), "true: train and val are drawn again with each training's seed, test never"),
    "folds": Setting(OrNull(whole(2), "one split"), "folds into which each seed divides the patients anew"),
    "groups": Setting(OrNull(Text("a column's name, such as hospital"), "none"),
                      "a column of the table, or data: a fold for each of its values"),
    "official": Setting(Flag(), "false: the release's own parts are left aside"),
    "file": Setting(OrNull(_PATH, "a split that is drawn"),
                    "a table or a study's splits/*.parquet with part, and image, path, a UID or patient_id"),
})  # fmt: skip

_PATTERN = OrNull(Or(Text("a pattern"), ListOf(Text(), "['*AXIAL*','*CORONAL*']")), "no rule of one's own")
KEEP = Group("which files are images for the purpose, by patterns; what does not match is left out by rule", {
    "modality": Setting(_PATTERN, "of the header; without it no SEG, RTDOSE, RTSTRUCT, SR, KO, PR"),
    "image_type": Setting(_PATTERN, "as ORIGINAL/PRIMARY/AXIAL; without it no localizers and derived captures"),
    "sop_class": Setting(_PATTERN, "as CT Image Storage"),
    "view": Setting(_PATTERN, "as PA; of CheXpert Frontal PA"),
    "body_part": Setting(_PATTERN, "of the header"),
    "series_description": Setting(_PATTERN, "of the header"),
})  # fmt: skip

# What every data set has.
EVERY: Keys = {
    "name": Setting(Name(), "what the data set is called in tables"),
    "max_rejected": Setting(share(), "share of unreadable files above which nothing is trained"),
    "max_missing": Setting(share(), "share of files that are not there above which nothing is trained"),
    "odd_range": Setting(OrNull(choice("keep", "leave_out"), "kept, up to max_rejected"),
                         "images whose values show nothing or cannot be HU"),
    "keep": KEEP,
    "keep_aspect": Setting(Flag(), "true: resized in their own shape, black where they do not fill the square"),
    "positive": Setting(OrNull(Text("a class's name"), "the second by alphabet"), "the class that is asked about"),
    "classes": Setting(OrNull(Keyed("names of classes, such as {abnormal: pneumonia}"), "equal names"),
                       "of an external set: its classes → the training's"),
    "split": SPLIT,
}  # fmt: skip

SETS = Group("of data=joined: each data set that is one of several, by +data@data.sets.<name>=…")

# What some sources take; a source of one's own may take others.
OF_SOURCES: Keys = {
    "root": Setting(_PATH, "the folder of the data"),
    "labels": Setting(_PATH, "the table of labels"),
    "label": Setting(Or(Text("a column's name"), ListOf(Text(), "[edema,mass]")),
                     "the column of labels; a list of columns of 0 and 1 is a multi-label task"),
    "columns": Group("what the table calls its columns", {
        "key": Setting(OrNull(Text("a column's name"), "one that is found by its name"),
                       "what names images: path, SOP-, Series- or StudyInstanceUID, or AccessionNumber"),
        "path": Setting(Text("a column's name"), "the image's file"),
        "patient": Setting(_COLUMN, "the patient; with DICOM files the headers' PatientID counts without it"),
        "age": Setting(_COLUMN, "age, which the page counts by part"),
        "sex": Setting(_COLUMN, "sex, which the page counts by part"),
        "scanner": Setting(_COLUMN, "scanner, which the page counts by part"),
    }),
    "frame": Setting(OrNull(Or(whole(0), choice("all")), "none, and files of several are refused"),
                     "of files of several frames; all: each is an image"),
    "voi": Setting(Or(whole(0), Text("its explanation")), "which VOI if a file has several"),
    "luminance": Setting(Flag(), "true: colour images are taken as their luminance; false: refused"),
    "for_processing": Setting(Flag(), "true: images FOR PROCESSING are taken; false: refused"),
    "patient": Setting(OrNull(Text("a regular expression"), "a patient for each file"),
                       "its first group in a file's path names the patient"),
    "slices": Setting(Text("all, central:<n>, every:<n> or <first>-<last>"), "of each series, by position"),
    "plane": Setting(choice("axial", "coronal", "sagittal"), "of the slices of a volume"),
    "sets": SETS,
    "patients": Setting(whole(1), "virtual patients"),
    "images": Setting(whole(1), "images of each virtual patient"),
    "seed": Setting(whole(0), "of the virtual patients"),
    "path": Setting(OrNull(_PATH, "the download"), "a local npz of the release"),
    "size": Setting(choice(28, 64, 128, 224), "side of the downloaded release's images"),
    "uncertain": Setting(choice("ones", "zeros", "leave_out"), "what a label of −1 counts as"),
    "vote": Setting(choice("majority", "any", "all"), "how many of an image's readers must have seen a finding"),
}  # fmt: skip

# What any data set may say of its trainings.
OF_TRAININGS: Keys = {
    "score": Setting(
        choice(registry="medxfer.base.series:SCORES"),
        "what is judged: each image, or each series by the mean or the highest of its slices' scores",
    ),
    "image_size": Setting(whole(16, 4096), "what image_size is where it is not given"),
    "epochs": Setting(whole(1), "what trainer.max_epochs is where it is not given"),
}

DATA = Group("the data set", {**EVERY, **OF_SOURCES, **OF_TRAININGS}, needed=(*EVERY, "source"))
EXTERNAL = Group("data sets that are scored and never trained on: data@external=…")
