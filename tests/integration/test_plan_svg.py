"""What a real browser makes of the picture: no text leaves its card, its box or the picture."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from aegisgen.argocd.application import ApplicationSettings
from aegisgen.argocd.plan import Plan, plan
from aegisgen.argocd.plan_svg import WIDTH, to_svg
from aegisgen.kube.resource import Resource, identify
from aegisgen.yamlsource import Document, parse

FIXTURES = Path(__file__).parents[1] / "fixtures" / "argocd"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Reports every text that is not inside the smallest thing that should hold it.
MEASURE = """
const root = document.querySelector('svg'), bad = [];
const inside = (a, b) => a.x >= b.x - .5 && a.y >= b.y - .5
  && a.x + a.width <= b.x + b.width + .5 && a.y + a.height <= b.y + b.height + .5;
const view = root.viewBox.baseVal;
let count = 0;
for (const text of root.querySelectorAll('text')) {
  count += 1;
  const box = text.getBBox(), card = text.closest('.card');
  const init = text.matches('.initname,.initnote') ? text.previousElementSibling.closest('rect')
    || text.previousElementSibling.previousElementSibling : null;
  const pill = text.matches('.pilltext') ? text.previousElementSibling : null;
  const holder = init || pill || (card && card.querySelector('.box'));
  if (!inside(box, view) || (holder && !inside(box, holder.getBBox()))) bad.push(text.textContent);
}
for (const card of root.querySelectorAll('.card')) {
  const texts = [...card.querySelectorAll('text')].map(text => [text, text.getBBox()]);
  texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
    if (p.x < q.x + q.width - 1 && q.x < p.x + p.width - 1 && p.y < q.y + q.height - 3 && q.y < p.y + p.height - 3)
      bad.push(a.textContent + ' over ' + b.textContent);
  }));
}
document.getElementById('result').textContent = JSON.stringify({count, bad});
"""


def _resources(name: str) -> list[Resource]:
    found = [identify(item) for item in parse((FIXTURES / f"{name}.yaml").read_text(), name)]
    return [item for item in found if isinstance(item, Resource)]


def _extreme() -> Plan:
    names = ["W" * 253, "production-" + "m" * 100, "データベース移行ジョブ" * 8, "x"]
    objects = [
        {
            "apiVersion": "batch/v1",
            "kind": kind,
            "metadata": {
                "name": name,
                "annotations": {"argocd.argoproj.io/hook": hook, "argocd.argoproj.io/sync-wave": wave},
            },
            "spec": {
                "suspend": True,
                "backoffLimit": 10**9,
                "activeDeadlineSeconds": 10**12,
                "template": {"spec": {"initContainers": [{"name": name}, {"name": "s", "restartPolicy": "Always"}]}},
            },
        }
        for name in names
        for kind, hook, wave in (
            ("Job", "PreSync", "-1000000000000"),
            ("Job", "SyncFail", "9223372036854775807"),
            ("W" * 90, "PostSync", "0"),
            ("Job", "W" * 90, "0"),
        )
    ]
    found = [identify(Document("x.yaml", line, "", item)) for line, item in enumerate(objects, start=1)]
    resources = [item for item in found if isinstance(item, Resource)]
    return plan(resources, ApplicationSettings("W" * 253, retry_limit=10**6))


PLANS = {
    **{name: plan(_resources(name), title=name) for name in ("guide-production", "production", "staging")},
    "pipeline": plan(_resources("pipeline"), ApplicationSettings("api", "production", automated=True)),
    "extreme": _extreme(),
    "empty": plan([]),
}


@pytest.mark.tools
@pytest.mark.skipif(BROWSER is None, reason="chromium not found, install it with apt-get install chromium")
def test_a_browser_finds_every_text_inside_its_card(tmp_path: Path) -> None:
    for name, found in PLANS.items():
        result = _measure(to_svg(found), tmp_path / name)
        assert result["count"] >= 3
        assert result["bad"] == [], name


def _measure(svg: str, directory: Path) -> dict[str, object]:
    directory.mkdir()
    page = directory / "page.html"
    body = f"<body style='margin:0;width:{WIDTH}px'>{svg}<pre id='result'></pre><script>{MEASURE}</script></body>"
    page.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = "--disable-component-update --disable-sync --disable-dev-shm-usage"
    command = [str(BROWSER), *flags.split(), *more.split(), f"--user-data-dir={directory / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r"<pre id=.result.>(.*?)</pre>", done.stdout, re.DOTALL)
    assert match, done.stderr
    found = json.loads(html.unescape(match[1]))
    assert isinstance(found, dict)
    return found
