"""`aegisgen runbook`: the guide with real names, each of which the composed overlay has."""

from __future__ import annotations

import re
import shutil
from contextlib import chdir
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT, aegisgen, refusal
from tests.pages import Page
from tests.processes import ran
from tests.runbooks import fences, kubectl, lines, spans
from tests.small_fleet import git
from tests.status_cluster import FOLDER
from tests.steps import migrate_with
from tests.steps import say as say_raw
from tests.trees import replace

from aegisgen.kube.compose import compose
from aegisgen.kube.schemas import violations
from aegisgen.tools import TOOLS

# The commands of the migration guide: Monitoring, Rollback, Troubleshooting and Emergency. Pods are found, not guessed,
# and the scripts are those that the profile names.
GUIDE = {
    "staging": [
        "kubectl get pods -n staging | grep staging-aegisx-api",
        'kubectl logs -n staging "$POD" -c db-migration',
        'kubectl describe pod -n staging "$POD"',
        "kubectl exec -it -n staging deployment/staging-aegisx-api -c api -- pnpm run db:migrate:status",
        "pnpm run db:rollback",
        "kubectl port-forward -n staging svc/staging-aegisx-postgres 5432:5432",
        "psql -h localhost -p 5432 -U aegisx -d aegisx",
    ],
    "production": [
        "kubectl get jobs -n production | grep migration",
        "kubectl describe job -n production production-aegisx-api-migration",
        "kubectl logs -n production job/production-aegisx-api-migration",
        "kubectl get job -n production production-aegisx-api-migration "
        """-o jsonpath='{.status.conditions[?(@.type=="Complete")].status}'""",
        "kubectl delete job -n production production-aegisx-api-migration",
        "pnpm run db:rollback:prod",
        "pnpm run db:migrate:prod",
        "kubectl exec -it -n production deployment/production-aegisx-api -c api -- pnpm run db:status:prod",
        "kubectl port-forward -n production svc/production-aegisx-postgres 5432:5432",
        "psql -h localhost -p 5432 -U aegisx -d aegisx",
    ],
}
# What no overlay composes: it is made outside of it, by the runbook itself, or by a controller.
OUTSIDE = {"secret/aegisx-api-secrets", "persistentvolumeclaim/aegisx-backups", "pod/$POD"}
PROJECTS = {
    "staging": (ROOT / "argocd", "staging"),
    "production": (ROOT / "argocd", "production"),
    "full": (ROOT / "tests/fixtures/full/argocd", "production"),
    "status": (FOLDER / "argocd", "production"),
}


def say(project: Path, environment: str, field: str) -> None:
    say_raw(project, environment, f"  {field}\n")


@pytest.fixture(scope="module", params=PROJECTS)
def made(request, tmp_path_factory) -> tuple[str, str, str, Path]:
    """A runbook: which, its text, its environment, and its overlay. Made once for all tests, which change nothing."""
    project, environment = PROJECTS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copytree(project, folder / "argocd")
    with chdir(folder):
        if request.param == "full":
            assert aegisgen("render", "--all").code == 0
        outcome = aegisgen("runbook", environment)
    assert (outcome.code, outcome.err) == (0, "")
    return request.param, outcome.out, environment, folder / "argocd/overlays" / environment / "api"


@pytest.mark.tools
def test_every_command_of_the_guide_is_there_with_the_right_names(made) -> None:
    which, text, environment, _ = made
    if which in GUIDE:
        missing = [command for command in GUIDE[environment] if command not in lines(text)]
        assert not missing


@pytest.mark.tools
def test_every_name_is_one_of_the_composed_overlay(made) -> None:
    which, text, environment, overlay = made
    composed = [document.data for document in compose(overlay).documents]
    there = {f"{data['kind'].lower()}/{data['metadata']['name']}" for data in composed}
    containers = {
        container["name"]
        for data in composed
        if data["kind"] in {"Deployment", "Job"}
        for container in [
            *data["spec"]["template"]["spec"].get("initContainers", []),
            *data["spec"]["template"]["spec"]["containers"],
        ]
    }
    own = {f"pod/{environment}-aegisx-api-psql", f"pod/{environment}-aegisx-api-restore"}
    database = {f"service/{environment}-aegisx-postgres"}
    application = {f"applications.argoproj.io/{environment}-aegisx-api"}
    commands = kubectl(text)
    assert len(commands) >= 18
    for command in commands:
        if command.verb == "create":  # from a file, which says the rest
            file = overlay.parents[2] / command.line.rpartition(" ")[2]
            assert file.is_file() or file.name == "-" or which == "status", command.line
            continue
        unknown = {*command.names} - there - own - database - OUTSIDE - application
        assert not unknown, command.line
        assert not command.container or command.container in containers, command.line
        assert command.namespace in {environment, "argocd"}, command.line
    # Whatever looks like a composed name, in the text too, is one.
    names = {name.partition("/")[2] for name in there | own | database}
    for span in spans(text):
        for word in re.findall(rf"\b{environment}-aegisx[\w-]*", span):
            assert word in names, span
    # And the names table has the objects that the composed migration refers to.
    job = next(
        (d for d in composed if d["metadata"]["name"] == f"{environment}-aegisx-api-migration" and d["kind"] == "Job"),
        None,
    )
    spec = (job or next(d for d in composed if d["kind"] == "Deployment"))["spec"]["template"]["spec"]
    container = (spec["containers"] if job else spec["initContainers"])[0]
    for variable in container["env"]:
        for reference in (variable.get("valueFrom") or {}).values():
            if "name" in reference and "AEGISGEN_" not in variable["name"]:
                assert f"| `{reference['name']}` |" in text, variable
    assert which != "staging" or "db-migration" in containers


@pytest.mark.tools
def test_only_what_is_on_is_told_of(made) -> None:
    which, text, _, _ = made
    on = {
        "staging": set(),
        "production": set(),
        "full": {"## Approval", "## Backup", "### Exit codes of the dry run", "**By itself.**", "Who is told", "Figures go to", "s3://aegisx-backups"},
        "status": {"## Approval", "## Backup", "**By itself.**", "claimName: aegisx-backups"},
    }  # fmt: skip
    every = set().union(*on.values())
    told = {part for part in every if part in text}
    assert told == on[which]
    assert ("## The status of a Job" in text) == (which != "staging")
    assert "None" not in text
    assert "UNSET" not in text


@pytest.mark.tools
def test_a_step_that_was_taken_back_is_not_told_of(project, cli, kustomize) -> None:
    say(project, "production", "backup: {enabled: false, volume: {claim: backups}}")
    text = cli("runbook", "production").out
    assert [word for word in ("Exit codes of the backup", "restore backups") if word in text] == []


def test_what_it_applies_is_valid_and_restricted(made) -> None:
    _, text, _, overlay = made
    composed = {document.data["metadata"]["name"] for document in compose(overlay).documents}
    bodies = re.findall(r"<<'YAML'\n(.*?)^YAML$", text, re.MULTILINE | re.DOTALL)
    assert bodies
    for body in bodies:
        pod = yaml.safe_load(body)
        assert violations(pod, version="1.34") == []
        assert pod["spec"]["securityContext"]["runAsNonRoot"]
        for variable in pod["spec"]["containers"][0]["env"]:
            (reference,) = variable["valueFrom"].values()
            assert reference["name"] in composed | {"aegisx-api-secrets"}


@pytest.mark.tools
def test_every_link_leads_to_a_heading(made) -> None:
    _, text, _, _ = made
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors
    assert text.count("\n\n\n") == 0


@pytest.mark.tools
def test_shell_blocks_are_shell(made) -> None:
    _, text, _, _ = made
    for block in fences(text):
        checked = ran(["sh", "-n"], stdin=block)
        assert checked.returncode == 0, f"{checked.stderr}\n{block}"


@pytest.mark.tools
def test_the_page_needs_nothing_from_elsewhere(made, tmp_path: Path) -> None:
    _, text, environment, overlay = made
    with chdir(overlay):
        told = aegisgen("runbook", environment, "--format", "html", "--output", str(tmp_path / "page.html"))
    assert (told.code, told.out, told.err) == (0, "", "")
    html = (tmp_path / "page.html").read_text()
    page = Page(html)
    assert html.startswith(
        f"<!-- Code generated by aegisgen from profiles/{environment}.yaml. DO NOT EDIT. -->\n<!doctype html>"
    )
    assert "script" not in page.tags
    links = page.values("href", "src")
    assert all(link.startswith("#") and link[1:] in page.values("id") for link in links), links
    assert "<svg" in html
    assert "flowchart TD" not in html
    assert html.count("<h2") == len(re.findall(r"^## ", text, re.MULTILINE))
    assert "prefers-color-scheme: dark" in html
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def second_service(project: Path) -> None:
    text = (project / "aegisgen.yaml").read_text()
    second = text[text.index("  api:") :].replace("  api:", "  worker:").replace("aegisx-api", "aegisx-worker")
    (project / "aegisgen.yaml").write_text(f"{text}{second}      DATABASE_HOST: postgres\n")
    shutil.copytree(project / "base/api", project / "base/worker")


@pytest.mark.tools
def test_it_is_about_one_service(project, kustomize) -> None:
    second_service(project)
    assert "there are 2: api, worker; use --service NAME" in refusal("runbook", "production")


@pytest.mark.tools
def test_a_file_that_cannot_be_written_leaves_nothing_behind(project, kustomize, tmp_path) -> None:
    assert "nowhere" in refusal("runbook", "production", "--output", str(tmp_path / "nowhere/runbook.md"))
    assert {path.name for path in tmp_path.iterdir()} == {"argocd"}


# -- Kept in the repository --------------------------------------------------------------------------------------------


def test_the_profile_says_that_the_repository_holds_it(project, cli) -> None:
    say(project, "production", "runbook: {people: {onCall: '#api-on-call', database: dba@example.com}}")
    assert "created   argocd/runbooks/production-api.md" in cli("render", "production").out
    text = (project / "runbooks/production-api.md").read_text()
    assert text.startswith("<!-- Code generated by aegisgen from profiles/production.yaml. DO NOT EDIT. -->\n# Runbook")
    assert "| on call | looks first, reads the log, syncs again, decides whether to go back | #api-on-call |" in text
    assert cli("check", "--all", "--no-compose").code == 0


def test_it_is_part_of_the_drift_check(project, cli) -> None:
    say(project, "production", "runbook: {}")
    missing = cli("check", "--all", "--no-compose")
    assert missing.code == 1
    assert "argocd/runbooks/production-api.md: error[D001] missing; the profiles render it" in missing.out
    assert cli("render", "--all").code == 0
    replace(project / "runbooks/production-api.md", "kubectl logs", "kubectl log")
    edited = cli("check", "--all", "--no-compose")
    assert edited.code == 1
    assert "argocd/runbooks/production-api.md: error[D001] not what the profiles render" in edited.out
    assert cli("render", "production").code == 0
    assert cli("check", "--all", "--no-compose").code == 0


@pytest.mark.parametrize("arguments", [["--all"], ["production"], ["production", "--service", "api"]])
def test_it_goes_when_the_profile_says_so_no_more(project, cli, arguments) -> None:
    profile = project / "profiles/production.yaml"
    before = profile.read_text()
    say(project, "production", "runbook: {}")
    assert cli("render", "--all").code == 0
    mine = project / "runbooks/notes.md"
    mine.write_text("# Mine\n")
    profile.write_text(before)
    assert "removed   argocd/runbooks/production-api.md" in cli("render", *arguments).out
    assert [path.name for path in (project / "runbooks").iterdir()] == ["notes.md"]


def test_it_moves_within_its_folder_and_to_html(project, cli) -> None:
    say(project, "production", "runbook: {path: 'docs/{environment}/{service}.html'}")
    assert cli("render", "--all").code == 0
    html = (project / "docs/production/api.html").read_text()
    assert html.startswith("<!-- Code generated by aegisgen")
    assert "<svg" in html
    assert cli("check", "--all", "--no-compose").code == 0
    replace(project / "profiles/production.yaml", "{service}.html", "{service}-runbook.md")
    out = cli("render", "--all").out
    assert "removed   argocd/docs/production/api.html" in out
    assert "created   argocd/docs/production/api-runbook.md" in out


def test_one_services_render_leaves_the_others_runbook_alone(project, cli) -> None:
    second_service(project)
    say(project, "production", "runbook: {}")
    assert cli("render", "--all").code == 0
    assert "removed" not in cli("render", "production", "--service", "api").out
    assert {path.name for path in (project / "runbooks").iterdir()} == {"production-api.md", "production-worker.md"}


def test_a_file_of_somebody_elses_is_not_overwritten(project) -> None:
    say(project, "production", "runbook: {}")
    file = project / "runbooks/production-api.md"
    file.parent.mkdir()
    file.write_text("# Written at night\n")
    assert "production-api.md: not generated by aegisgen" in refusal("render", "--all")
    assert file.read_text() == "# Written at night\n"


@pytest.mark.tools
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_the_kept_one_differs_from_the_commands_in_the_picture_only(project, cli, kustomize, environment) -> None:
    say(project, environment, "runbook: {}")
    assert cli("render", environment).code == 0
    kept = (project / f"runbooks/{environment}-api.md").read_text()
    told = cli("runbook", environment).out

    def without_picture(text: str) -> list[str]:
        text = re.sub(r"^```mermaid\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        return [line for line in text.splitlines() if not re.match(r"\| (PreSync|Sync|PostSync|SyncFail) \|", line)]

    assert without_picture(kept) == without_picture(told)
    hooks = re.findall(r"^\| PreSync \|.*$", told, re.MULTILINE)
    assert hooks == re.findall(r"^\| PreSync \|.*$", kept, re.MULTILINE)
    assert f"Deployment/{environment}-aegisx-api" in kept


@pytest.mark.parametrize("tool", list(TOOLS))
def test_every_tool_has_its_own_words(project, cli, tool) -> None:
    migrations = {"tool": tool, "path": "migrations"}
    if tool == "command":
        commands = {key: ["./migrate", key] for key in ("ping", "status", "migrate")}
        migrations |= {"commands": commands}
    if TOOLS[tool].lock is None:
        migrations |= {"lock": {"runtime": "none"}}
    migrate_with(project, migrations)
    if TOOLS[tool].needs_url:
        say(project, "production", "database: {env: {url: DATABASE_URL}, secret: {keys: [DATABASE_URL]}}")
    say(project, "production", "runbook: {}")
    outcome = cli("render", "production")
    assert outcome.code == 0, outcome.err
    made = (project / "runbooks/production-api.md").read_text()
    assert "## Skipping a migration" in made
    assert ("prisma migrate resolve" in made) == (tool == "prisma")
    assert ("knex" in made) == (tool == "knex")
    for word in ("None", "UNSET", "{run}", "{exec}"):
        assert word not in made


# -- What the documentation says ---------------------------------------------------------------------------------------

DOCUMENT = (ROOT / "docs/runbook.md").read_text()


@pytest.mark.tools
def test_the_example_is_current(cli, kustomize, monkeypatch) -> None:
    monkeypatch.chdir(ROOT)
    wanted = (ROOT / "docs/runbook-production.md").read_text()
    assert cli("runbook", "production").out == wanted, "run: aegisgen runbook production > docs/runbook-production.md"


@pytest.mark.tools
def test_the_documented_commands_run_and_the_profile_renders(project, cli, kustomize) -> None:
    for line in re.findall(r"^\$ aegisgen (.*)$", DOCUMENT, re.MULTILINE):
        assert cli(*line.split()).code == 0, line
    (shown,) = re.findall(r"```yaml\n[^\n]*\n(.*?)```", DOCUMENT, re.DOTALL)
    say_raw(project, "production", re.sub(r"^(?=.)", "  ", shown, flags=re.MULTILINE))
    assert cli("render", "production").code == 0
    assert "dba@example.com" in (project / "runbooks/production-api.md").read_text()


def test_the_documented_sections_are_those_of_the_full_runbook(full, kustomize) -> None:
    assert aegisgen("render", "--all").code == 0
    text = aegisgen("runbook", "production").out
    sections = [title.partition(":")[0] for title in re.findall(r"^## (.*)$", text, re.MULTILINE)]
    assert re.findall(r"^\| ([A-Z][^|]*) \|", DOCUMENT, re.MULTILINE) == sections


def test_a_named_template_takes_the_place_of_a_bundled_one(project, cli, monkeypatch) -> None:
    monkeypatch.setenv("AEGISGEN_TEMPLATES", "argocd/templates")
    own = project / "templates/runbook/people.md.j2"
    own.parent.mkdir(parents=True)
    own.write_text("## Who does what\n\n{{ '*Nobody*' }} but {{ t.service | code }}: {{ '**us**' | raw }}\n")
    say(project, "production", "runbook: {}")
    assert cli("render", "production").code == 0
    assert r"\*Nobody\* but `api`: **us**" in (project / "runbooks/production-api.md").read_text()
    own.write_text("## Who\n\n{{ nobody.knows }}\n")
    assert "argocd/templates/runbook/people.md.j2:3:1: the template failed" in refusal("render", "production")


@pytest.mark.tools
def test_an_edited_one_is_among_what_changed_since_a_revision(project, cli, tmp_path) -> None:
    say(project, "production", "runbook: {}")
    assert cli("render", "--all").code == 0
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        git(tmp_path, *command)
    assert cli("check", "--no-compose", "--changed-since", "HEAD").code == 0
    file = project / "runbooks/production-api.md"
    file.write_text(file.read_text() + "\nmine\n")
    outcome = cli("check", "--no-compose", "--changed-since", "HEAD")
    assert outcome.code == 1
    assert "argocd/runbooks/production-api.md: error[D001]" in outcome.out
