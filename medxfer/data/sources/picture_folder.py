"""data=images: a folder of PNG, JPEG or TIFF files beside a table of labels."""

from medxfer.data.sources.labelled_folder import LabelledFolder
from medxfer.data.sources.picture_file import PICTURES, PictureReader


class ImageFolder(LabelledFolder):
    """Pictures under `root`, and the table `labels`; `options` are those of `PictureReader`."""

    reads, suffixes = PictureReader, PICTURES
