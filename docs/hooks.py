"""Pages of the site that lie elsewhere in the repository: the notebooks with their outputs, CONTRIBUTING, CHANGELOG."""

from pathlib import Path, PurePosixPath

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parents[1]
TEXTS = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for name, page in TEXTS.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        files.append(File.generated(config, page, content=text))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text, pictures = MarkdownExporter().from_notebook_node(nbformat.read(path, as_version=4))
        for name, content in pictures["outputs"].items():
            picture = f"notebooks/{path.stem}_{name}"
            text = text.replace(f"]({name})", f"]({PurePosixPath(picture).name})")
            files.append(File.generated(config, picture, content=content))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
    return files
