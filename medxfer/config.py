"""Where the configuration lies, and what its resolvers mean."""

from pathlib import Path

from omegaconf import OmegaConf
from platformdirs import user_cache_path

_PACKAGE = Path(__file__).parent
# A wheel ships the folder inside the package; a checkout and an editable install have it beside the package.
CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if (path / "train.yaml").is_file())

# XDG_CACHE_HOME/medxfer, or the platform's own cache folder.
OmegaConf.register_new_resolver("medxfer.cache", lambda: str(user_cache_path("medxfer")), replace=True)
