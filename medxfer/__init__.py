"""medxfer: do colour and ImageNet weights help networks on grayscale medical images?"""

__version__ = "0.1.0"
