"""What a real browser makes of a rehearsal's page, at several widths."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.rehearsals import CLEAN, FAILED, LEFT_OUT, REHEARSAL
from tests.tools import browser

from aegisgen.rehearsal.show import FORMATS

WIDTHS = (360, 800, 1280)

LONG = FAILED._replace(
    name="w" * 120,
    title="W" * 300,
    reason="W" * 300,
    syncs=tuple(
        sync._replace(
            steps=tuple(
                step._replace(
                    resource=f"Job/{'m' * 253}",
                    status="W" * 80,
                    containers=tuple(
                        run._replace(pod="p" * 253, container=f"データベース{'m' * 60}", log="x" * 5000 + "\n" * 200)
                        for run in step.containers
                    ),
                )
                for step in sync.steps
            )
        )
        for sync in FAILED.syncs
    ),
    migrations=tuple(run._replace(file="W" * 300, error="W" * 300) for run in FAILED.migrations),
)
HOSTILE = LEFT_OUT._replace(
    reason="<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
)
PAGE = REHEARSAL._replace(scenarios=(LONG, HOSTILE, CLEAN))

# In each frame: whether the page itself scrolls sideways, which texts of pictures leave their place, and what a
# click on the last link of the table opens.
MEASURE = """
const measure = frame => {
  const doc = frame.contentDocument, root = doc.documentElement, bad = [];
  for (const closed of doc.querySelectorAll('details:not([open])')) closed.dataset.closed = closed.open = true;
  const wide = root.scrollWidth - root.clientWidth, pictures = doc.querySelectorAll('.timeline');
  for (const picture of pictures) for (const text of picture.querySelectorAll('.label,.status,.head,.tick')) {
    const all = picture.getBoundingClientRect(), own = text.getBoundingClientRect();
    if (own.left < all.left - .5 || own.right > all.right + .5 || text.scrollWidth > text.clientWidth + 1) bad.push(text.textContent);
  }
  for (const opened of doc.querySelectorAll('[data-closed]')) opened.open = false;
  const link = [...doc.querySelectorAll('tbody a')].pop(), card = doc.querySelector(link.hash).closest('details');
  const before = card.open;
  frame.contentWindow.location.hash = link.hash;
  return new Promise(done => setTimeout(() => done({wide, pictures: pictures.length, bad, before, after: card.open, title: doc.title}), 200));
};
addEventListener('load', async () => {
  const found = await Promise.all([...document.querySelectorAll('iframe')].map(measure));
  document.getElementById('result').textContent = JSON.stringify(found);
});
"""


@pytest.mark.tools
def test_the_page_fits_its_links_open_and_nothing_in_it_runs(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(FORMATS["html"](PAGE))
    frames = "".join(f"<iframe src='report.html' style='width:{width}px;height:900px'></iframe>" for width in WIDTHS)
    found = _measure(f"{frames}<pre id='result'></pre><script>{MEASURE}</script>", tmp_path)
    for width, frame in zip(WIDTHS, found, strict=True):
        assert frame["wide"] <= 0, width
        assert frame["pictures"] == 2, width
        assert frame["bad"] == [], width
        assert (frame["before"], frame["after"]) == (False, True), width
        assert frame["title"].startswith("Rehearsal of production"), width


def _measure(body: str, directory: Path) -> list[dict]:
    page = directory / "page.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = "--disable-component-update --disable-sync --disable-dev-shm-usage --allow-file-access-from-files"
    command = [browser(), *flags.split(), *more.split(), "--virtual-time-budget=5000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"--user-data-dir={directory / 'profile'}", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    match = re.search(r"<pre id=.result.>(.+?)</pre>", done.stdout, re.DOTALL)
    assert match, done.stderr
    found: list[dict] = json.loads(html.unescape(match[1]))
    return found
