"""Which external sets a configuration names: data@external=… is one, +data@external.<name>=… are more."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from medxfer.base.errors import MedxferError


@dataclass(frozen=True)
class Mounted:
    """One external set, as its settings describe it; no file has been read yet."""

    name: str
    key: str  # where its settings stand: external, or external.<name>
    settings: str  # JSON of its data group, with every interpolation resolved
    store_root: Path

    @property
    def data(self) -> dict[str, Any]:
        return dict(json.loads(self.settings))

    @property
    def classes(self) -> Mapping[str, str]:
        """Its own names of classes → the training's, where they differ."""
        return {str(own): str(theirs) for own, theirs in (self.data.get("classes") or {}).items()}

    @property
    def config(self) -> DictConfig:
        """As `dataset_of` takes it."""
        return OmegaConf.create({"data": self.data, "store": {"root": str(self.store_root)}})


def mounted_sets(config: DictConfig) -> tuple[Mounted, ...]:
    """The external sets of `config`, by name; the first is called as its data set is, the others as they are mounted.

    Raises MedxferError where a setting is missing, or a name is taken twice or cannot be one.
    """
    group = config.get("external")
    if not group:
        return ()
    nodes: list[tuple[str, str, DictConfig]] = []
    if "source" in group:
        nodes.append((str(group.name), "external", group))
    inner = [str(key) for key in group if _is_set(group, str(key))]
    nodes += [(key, f"external.{key}", group[key]) for key in inner]
    if not nodes:
        raise MedxferError("external holds no data set: give one as data@external=images external.root=…")
    names = [name for name, _, _ in nodes]
    for name, key, _ in nodes:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            raise MedxferError(f"{key}.name={name}: give a name of letters, digits, '.', '_' and '-'")
        if names.count(name) > 1:
            raise MedxferError(f"two external sets are called '{name}': give one another name by external.name=")
    root = Path(config.store.root).expanduser().resolve()
    return tuple(Mounted(name, key, _settings(node, key), root) for name, key, node in nodes)


def _is_set(group: DictConfig, key: str) -> bool:
    value = OmegaConf.to_container(group)[key]  # type: ignore[index,call-overload]  # of a dict; nothing is resolved
    return isinstance(value, dict) and "source" in value


def _settings(node: DictConfig, key: str) -> str:
    own = [str(setting) for setting in node if not _is_set(node, str(setting))]
    for setting in own:
        if OmegaConf.is_missing(node, setting) and not OmegaConf.is_interpolation(node, setting):
            raise MedxferError(f"{key} needs {key}.{setting}: give it as {key}.{setting}=…")
    if node.get("positive") is not None:
        raise MedxferError(f"{key}.positive: classes are counted as in the training (data.positive=): leave it out")
    values = {name: node[name] for name in own}
    plain = {
        name: OmegaConf.to_container(v, resolve=True) if OmegaConf.is_config(v) else v for name, v in values.items()
    }
    return json.dumps(plain, sort_keys=True)
