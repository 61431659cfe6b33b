"""Where the configuration lies, and what its resolvers mean."""

import argparse
import sys
import warnings
from pathlib import Path

from omegaconf import OmegaConf
from platformdirs import user_cache_path

_PACKAGE = Path(__file__).parents[1]
# A wheel ships the folder inside the package; a checkout and an editable install have it beside the package.
CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if (path / "train.yaml").is_file())

# XDG_CACHE_HOME/medxfer, or the platform's own cache folder.
OmegaConf.register_new_resolver("medxfer.cache", lambda: str(user_cache_path("medxfer")), replace=True)
OmegaConf.register_new_resolver("medxfer.hydra", lambda root: str(Path(root).expanduser() / "hydra"), replace=True)


# conf/hydra/launcher extends the plug-ins' configurations by this very mechanism, which Hydra 1.3 calls deprecated.
warnings.filterwarnings("ignore", message=r"\s*'hydra/launcher/\w+' is validated against ConfigStore schema")

if sys.version_info >= (3, 14):  # argparse checks each option's help at once, and Hydra 1.3 has one that is no text
    argparse.ArgumentParser._check_help = lambda self, action: None
