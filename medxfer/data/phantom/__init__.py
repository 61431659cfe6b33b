"""Analytic CT and DX phantoms, written as genuine DICOM files: the data that medxfer brings with it.

They are drawings. A result on them says that the program works, and nothing about patients.
"""

from medxfer.data.phantom.write import CLASSES, GENERATION, example, write_phantoms

__all__ = ["CLASSES", "GENERATION", "example", "write_phantoms"]
