"""docs/first_screen.png: the top of the page of make demo's grid, in Chromium; make first-screen takes it again."""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parents[1] / "docs" / "first_screen.png"
GRID = ("study.name=first", "colormap=none,viridis,inferno", "pretrained=true,false", "seed=0,1,2", "logger=none")
WIDTH, BELOW = 1000, 18  # px; below the first figure's caption


def take(page: Path) -> Image.Image:
    """The `page`, a report.html, down to the caption of the answers' intervals, in few colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        shown.goto(page.resolve().as_uri())
        box = shown.locator("figcaption").first.bounding_box()
        assert box is not None
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + BELOW}
        taken = shown.screenshot(full_page=True, clip=clip)
        browser.close()
    return Image.open(io.BytesIO(taken)).convert("RGB").quantize(64)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "medxfer.train", "-m", *GRID], cwd=folder, check=True)
        take(Path(folder, "studies/first/report.html")).save(PICTURE, optimize=True)
