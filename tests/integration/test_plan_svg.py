"""What a real browser makes of the picture: no text leaves its card, its box or the picture."""

from __future__ import annotations

import html
import json
import re
import subprocess
from pathlib import Path

import pytest
from tests.manifests import applied, objects
from tests.tools import browser

from aegisgen.argocd.application import ApplicationSettings
from aegisgen.argocd.plan import Plan, plan
from aegisgen.argocd.plan_svg import to_svg

# For each picture of the page: how many texts it has, and which leave what should hold them or cover one another.
MEASURE = """
const inside = (a, b) => a.x >= b.x - .5 && a.y >= b.y - .5
  && a.x + a.width <= b.x + b.width + .5 && a.y + a.height <= b.y + b.height + .5;
const cover = (p, q) => p.x < q.x + q.width - 1 && q.x < p.x + p.width - 1
  && p.y < q.y + q.height - 1 && q.y < p.y + p.height - 1;
const holder = text => {
  if (text.matches('.pilltext')) return text.previousElementSibling;
  if (text.matches('.initname')) return text.previousElementSibling;
  if (text.matches('.initnote')) return text.previousElementSibling.previousElementSibling;
  return text.closest('.card')?.querySelector('.box');
};
const result = [...document.querySelectorAll('svg')].map(root => {
  const texts = [...root.querySelectorAll('text')].map(text => [text, text.getBBox()]), bad = [];
  for (const [text, box] of texts)
    if (!inside(box, root.viewBox.baseVal) || (holder(text) && !inside(box, holder(text).getBBox())))
      bad.push(text.textContent);
  texts.forEach(([a, p], i) => texts.slice(i + 1).forEach(([b, q]) => {
    if (cover(p, q)) bad.push(a.textContent + ' over ' + b.textContent);
  }));
  return {count: texts.length, bad};
});
document.getElementById('result').textContent = JSON.stringify(result);
"""


def _extreme() -> Plan:
    names = ["W" * 253, "production-" + "m" * 100, "データベース移行ジョブ" * 8, "x"]
    extremes = [
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
    return plan(objects(*extremes), ApplicationSettings("W" * 253, retry_limit=10**6))


PLANS = {
    **{name: plan(applied(name), title=name) for name in ("guide-production", "production", "staging")},
    "pipeline": plan(applied("pipeline"), ApplicationSettings("api", "production", automated=True)),
    "extreme": _extreme(),
    "empty": plan([]),
}


@pytest.mark.tools
def test_a_browser_finds_every_text_inside_its_card(tmp_path: Path) -> None:
    measured = _measure([to_svg(found) for found in PLANS.values()], tmp_path)
    for name, picture in zip(PLANS, measured, strict=True):
        assert picture["count"] >= 3, name
        assert picture["bad"] == [], name


def _measure(pictures: list[str], directory: Path) -> list[dict[str, object]]:
    page = directory / "page.html"
    body = f"<body style='margin:0'>{''.join(pictures)}<pre id='result'></pre><script>{MEASURE}</script></body>"
    page.write_text(f"<!doctype html><meta charset='utf-8'>{body}", encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    more = "--disable-component-update --disable-sync --disable-dev-shm-usage"
    command = [browser(), *flags.split(), *more.split(), f"--user-data-dir={directory / 'profile'}", "--dump-dom"]
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True)
    match = re.search(r"<pre id=.result.>(.*?)</pre>", done.stdout, re.DOTALL)
    assert match, done.stderr
    found: list[dict[str, object]] = json.loads(html.unescape(match[1]))
    return found
