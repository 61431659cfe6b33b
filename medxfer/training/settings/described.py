"""A key of the configuration and a group of them: what they are, and what they may be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from medxfer.base.kinds import Kind


@dataclass(frozen=True)
class Setting:
    """One key of the configuration."""

    kind: Kind
    meaning: str


@dataclass(frozen=True)
class Group:
    """Keys that stand together."""

    meaning: str
    keys: "Keys" = field(default_factory=dict)
    needed: tuple[str, ...] | None = None  # keys that must be there; None: all
    null: str = ""  # what null means; empty: the group is always there
    without: str = ""  # what to give where one would take the group away


Keys = Mapping[str, Setting | Group]
