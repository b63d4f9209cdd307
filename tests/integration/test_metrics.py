"""The figures as a real Pushgateway takes and gives them, and the alerts on them as Prometheus evaluates them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml
from tests.integration.steps_support import connection, containers, programs, say
from tests.postgres import Database
from tests.steps import refused, rendered
from tests.tools import need

pytestmark = pytest.mark.tools
LINE = re.compile(r"(aegisgen_\w+)\{([^}]*)\} (\S+)")
LABELS = 'environment="production",instance="",job="aegisgen",service="api",step="sql-checks"'


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[str]:
    """The address of a Pushgateway."""
    program = need("prometheus-pushgateway")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (tmp_path / "gateway.log").open("w") as log:
        process = subprocess.Popen([program, f"--web.listen-address={address}"], stdout=log, stderr=log)
        try:
            for _ in range(200):
                try:
                    urlopen(f"http://{address}/-/ready", timeout=5).close()
                    break
                except URLError:
                    time.sleep(0.05)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(20)


def test_a_pushgateway_takes_the_figures_and_keeps_the_last_success(
    full: Path, tmp_path: Path, database: Database, gateway: str
) -> None:
    def check(expected: int) -> dict[str, float]:
        query = {"name": "one", "sql": "SELECT 1", "expect": {"equals": expected}}
        say(full, checks={"run": [query]}, metrics={"pushgateway": gateway}, notifications=None)
        run = containers("checks")["sql-checks"].run(
            tmp_path, ["sh"], connection(database), programs(database, tmp_path)
        )
        assert run.log.count("step=metrics outcome=sent") == 2, run.log
        with urlopen(f"{gateway}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        for name in re.findall(r"^# TYPE (aegisgen_\w+) gauge$", text, re.MULTILINE):
            assert f"# HELP {name} " in text
        found = [match.groups() for match in LINE.finditer(text)]
        assert {labels for _, labels, _ in found} == {LABELS}
        return {name.removeprefix("aegisgen_step_"): float(value) for name, _, value in found}

    good, bad = check(1), check(2)
    assert (good["success"], good["exit_code"]) == (1, 0)
    assert (bad["success"], bad["exit_code"]) == (0, 40)
    assert bad["last_success_timestamp_seconds"] == good["last_success_timestamp_seconds"]
    assert bad["last_run_timestamp_seconds"] >= bad["last_start_timestamp_seconds"]
    assert set(good) == {
        "success",
        "exit_code",
        "duration_seconds",
        "last_start_timestamp_seconds",
        "last_run_timestamp_seconds",
        "last_success_timestamp_seconds",
    }


def test_alerts_without_figures_are_refused(full: Path) -> None:
    say(full, metrics={"prometheusRule": True})
    assert "spec.metrics.prometheusRule: alerts on figures that nobody pushes" in refused("production")


def rule(full: Path) -> dict:
    """Return the rendered PrometheusRule."""
    metrics = {"pushgateway": "http://gateway", "prometheusRule": True, "ruleLabels": {"release": "prometheus"}}
    say(full, metrics=metrics)
    return rendered("production")["argocd/overlays/production/api/prometheus-rule.yaml"]


def test_the_rule_names_its_service_and_carries_the_labels(full: Path) -> None:
    found = rule(full)
    assert found["metadata"]["labels"]["release"] == "prometheus"
    (group,) = found["spec"]["groups"]
    assert [one["alert"] for one in group["rules"]] == [
        "AegisgenStepFailed",
        "AegisgenStepNeverEnded",
        "AegisgenApprovalWaits",
    ]
    assert all('{environment="production",service="api"' in one["expr"] for one in group["rules"])
    say(full, approval={"gate": False}, metrics={"pushgateway": "http://gateway", "prometheusRule": True})
    (group,) = rendered("production")["argocd/overlays/production/api/prometheus-rule.yaml"]["spec"]["groups"]
    assert len(group["rules"]) == 2


def test_a_step_has_twice_the_longest_deadline_to_say_how_it_ended(full: Path) -> None:
    say(full, backup={"volume": {"claim": "backups"}, "deadline": "3h"})
    expressions = [one["expr"] for one in rule(full)["spec"]["groups"][0]["rules"]]
    assert [expression for expression in expressions if expression.endswith("< time() - 21600")] == [expressions[1]]


def series(name: str, step: str, values: str) -> dict[str, str]:
    """Return one series of figures for promtool, a value each minute."""
    labels = f'environment="production",service="api",step="{step}",job="aegisgen"'
    return {"series": f"aegisgen_step_{name}{{{labels}}}", "values": values}


@pytest.mark.long
@pytest.mark.parametrize(
    ("figures", "at", "alerts"),
    [
        ([series("success", "backup", "1+0x10")], "5m", []),
        ([series("success", "checks", "0+0x10")], "5m", ["AegisgenStepFailed"]),
        ([series("last_start_timestamp_seconds", "backup", "0+0x100")], "59m", []),
        ([series("last_start_timestamp_seconds", "backup", "0+0x100")], "61m", ["AegisgenStepNeverEnded"]),
        (
            [
                series("last_start_timestamp_seconds", "backup", "0+0x100"),
                series("last_run_timestamp_seconds", "backup", "60+0x100"),
            ],
            "90m",
            [],
        ),
        ([series("last_start_timestamp_seconds", "approval", "60+0x400")], "230m", []),
        ([series("last_start_timestamp_seconds", "approval", "60+0x400")], "245m", ["AegisgenApprovalWaits"]),
        (
            [
                series("last_start_timestamp_seconds", "approval", "60+0x400"),
                series("last_start_timestamp_seconds", "migration", "120+0x400"),
                series("last_run_timestamp_seconds", "migration", "180+0x400"),
            ],
            "300m",
            [],
        ),
    ],
)
def test_prometheus_raises_the_alerts(
    full: Path, tmp_path: Path, figures: list[dict[str, str]], at: str, alerts: list[str]
) -> None:
    promtool = need("promtool")
    spec = rule(full)["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    names = [one["alert"] for one in spec["groups"][0]["rules"]]
    # promtool compares labels and annotations too: expected are those of the rules.
    expected = [
        {"eval_time": at, "alertname": name, "exp_alerts": [] if name not in alerts else [_alert(spec, name, figures)]}
        for name in names
    ]
    test = {
        "rule_files": ["rules.yaml"],
        "tests": [{"interval": "1m", "input_series": figures, "alert_rule_test": expected}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(test))
    for words in (["check", "rules", "rules.yaml"], ["test", "rules", "test.yaml"]):
        done = subprocess.run(
            [promtool, *words], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _alert(spec: dict, name: str, figures: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    (found,) = (one for one in spec["groups"][0]["rules"] if one["alert"] == name)
    labels = dict(re.findall(r'(\w+)="([^"]*)"', figures[0]["series"]))
    summary = found["annotations"]["summary"].replace("{{ $labels.step }}", labels["step"])
    return {
        "exp_labels": {**labels, **found["labels"]},
        "exp_annotations": {**found["annotations"], "summary": summary},
    }
