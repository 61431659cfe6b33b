"""In which images published weights were trained, as far as timm's tag says."""

# Parts of timm's tags → the data that they name. What stands before "ft" was seen before what stands after it.
DATA = {
    "in1k": "ImageNet-1k", "in12k": "ImageNet-12k", "in21k": "ImageNet-21k", "in22k": "ImageNet-22k",
    "inw21k": "ImageNet-21k (winter 2021)",
    "laion2b": "LAION-2B", "laion400m": "LAION-400M", "laiona": "LAION-Aesthetics", "datacompxl": "DataComp-1B",
    "datacomp1b": "DataComp-1B", "merged2b": "Merged-2B", "dfn2b": "DFN-2B", "dfn5b": "DFN-5B", "dfndr2b": "DFNDR-2B",
    "openai": "OpenAI's image-text pairs", "metaclip": "MetaCLIP's image-text pairs",
    "metaclip2": "MetaCLIP 2's image-text pairs", "webli": "WebLI", "jft": "JFT-300M",
    "cc12m": "CC12M", "yfcc15m": "YFCC15M", "yfcc100m": "YFCC100M", "ig1b": "Instagram-1B",
    "lvd142m": "LVD-142M", "lvd1689m": "LVD-1689M", "sat493m": "SAT-493M", "sa1b": "SA-1B", "bamboo": "Bamboo",
}  # fmt: skip


def data_of(tag: str) -> str:
    """'ImageNet-1k' of `a1_in1k`, 'LAION-2B + ImageNet-12k + ImageNet-1k' of `clip_laion2b_ft_in12k_in1k`.

    Empty where a tag names no data that are known (`apple_pt`).
    """
    return " + ".join(dict.fromkeys(DATA[part] for part in tag.split("_") if part in DATA))
