"""The command line, as Typer has it: arguments in, exit code out, nothing else.

Each command's module is imported when the command runs. Its function `main` takes the very parameters of the function
here. `arguments.py` calls it without Typer where the command line is a plain one and people wait for it: after a change
to the options of `check`, `render` or `validate`, run `python generator/build_arguments.py`.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from aegisgen.kube.versions import DEFAULT_VERSION

app = typer.Typer(
    name="aegisgen",
    help="Render the GitOps tree that migrates a database when Argo CD deploys, and prove it.",
    epilog="Exit codes: 0 clean, 1 findings or drift, 2 wrong usage, wrong input or a missing tool.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Format = Literal["text", "json", "junit", "sarif", "github"]
Engine = Literal["aegisgen", "kubeconform"]


def _run(command: str, values: dict[str, object]) -> NoReturn:
    """Import a command's module and leave with the exit code of its `main`, which takes the parameters by name."""
    raise typer.Exit(import_module(f"aegisgen.commands.{command}").main(**values))


def _complete_environment(incomplete: str) -> list[str]:
    from aegisgen.cli.completion import environments  # noqa: PLC0415

    return environments(incomplete)


def _complete_service(incomplete: str) -> list[str]:
    from aegisgen.cli.completion import services  # noqa: PLC0415

    return services(incomplete)


def _complete_rule(incomplete: str) -> list[tuple[str, str]]:
    from aegisgen.cli.completion import rules  # noqa: PLC0415

    return rules(incomplete)


def _complete_schema(incomplete: str) -> list[str]:
    return [name for name in ("project", "services", "profile") if name.startswith(incomplete)]


_Environments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENV]...", help="Environments, by the names of their profiles.", autocompletion=_complete_environment
    ),
]
_Project = Annotated[
    Path | None,
    typer.Option("--project", metavar="FILE", help="Project file. Default: aegisgen.yaml, here, in argocd/ or above."),
]
_Templates = Annotated[
    Path | None,
    typer.Option(
        "--templates",
        metavar="DIR",
        help="Templates in place of bundled ones, rendered in a sandbox. Default: AEGISGEN_TEMPLATES.",
    ),
]
_Services = Annotated[
    list[str] | None,
    typer.Option(
        "--service",
        metavar="NAME",
        help="Only this service, or those a glob matches; may be repeated.",
        autocompletion=_complete_service,
    ),
]
_Format = Annotated[Format, typer.Option("--format", help="How to print what was found.")]
_EngineOption = Annotated[Engine, typer.Option("--engine", help="What checks manifests against the schemas.")]
_RequireTools = Annotated[
    bool,
    typer.Option("--require-tools", help="It is an error if a check is skipped because a tool is missing. For CI."),
]
_Jobs = Annotated[int, typer.Option("--jobs", metavar="N", min=0, help="How many processes work. Default: one a core.")]
_Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Use the cache of composed overlays; see 'aegisgen cache'.")
]
_Compose = Annotated[
    bool, typer.Option("--compose/--no-compose", help="Also check what Kustomize makes of the overlays.")
]


@app.callback(invoke_without_command=True)
def _main(
    *, version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False
) -> None:
    if version:
        from aegisgen import __version__  # noqa: PLC0415

        typer.echo(f"aegisgen {__version__}")
        raise typer.Exit


@app.command(
    epilog="Examples: 'aegisgen render staging' · 'aegisgen render --all --diff' · "
    "'aegisgen render production --service api'"
)
def render(
    environments: _Environments = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Render all environments.")] = False,
    service: _Services = None,
    show_diff: Annotated[
        bool, typer.Option("--diff", help="Show what would change, write nothing; exit 1 if anything.")
    ] = False,
    to_stdout: Annotated[bool, typer.Option("--stdout", help="Print the generated files, write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that aegisgen did not generate.")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit 1 if anything was written. For hooks.")] = False,
    templates: _Templates = None,
    project: _Project = None,
) -> None:
    """Write what the profiles say into overlays/."""
    _run("render", locals())


@app.command(
    epilog="Examples: 'aegisgen check' · 'aegisgen check production' · "
    "'aegisgen check --all --require-tools --format sarif' · 'aegisgen check --changed-since HEAD' · "
    "'aegisgen check --shard 2/4 --format json > shard-2.json'"
)
def check(
    environments: _Environments = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All environments (the default).")] = False,
    service: _Services = None,
    changed_since: Annotated[
        str | None,
        typer.Option(
            "--changed-since", metavar="REV", help="Only what can differ from this revision of git, committed or not."
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts; see 'aegisgen merge'.")
    ] = None,
    output: _Format = "text",
    engine: _EngineOption = "aegisgen",
    compose: _Compose = True,
    require_tools: _RequireTools = False,
    require_committed: Annotated[
        bool, typer.Option("--require-committed", help="A rendered file that is not in git is an error. For CI.")
    ] = False,
    jobs: _Jobs = 0,
    cache: _Cache = True,
    write_baseline: Annotated[
        bool, typer.Option("--write-baseline", help="Write what is found to the project's baseline; exit 0.")
    ] = False,
    templates: _Templates = None,
    project: _Project = None,
) -> None:
    """Find drift from the profiles, and errors in the tree. Writes nothing."""
    _run("check", locals())


@app.command(epilog="Examples: 'aegisgen validate argocd/' · 'kubectl get deploy -o yaml | aegisgen validate -'")
def validate(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATH]...", help="Files, folders, or '-' for standard input. Default: here."),
    ] = None,
    *,
    kubernetes_version: Annotated[
        str | None,
        typer.Option("--kubernetes-version", metavar="1.NN", help=f"Default: the project's, or {DEFAULT_VERSION}."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A kind without a bundled schema is an error.")] = False,
    output: _Format = "text",
    engine: _EngineOption = "aegisgen",
    compose: _Compose = True,
    require_tools: _RequireTools = False,
    jobs: _Jobs = 0,
    cache: _Cache = True,
    write_baseline: Annotated[
        Path | None,
        typer.Option("--write-baseline", metavar="FILE", help="Write what is found to a baseline; exit 0."),
    ] = None,
) -> None:
    """Check any manifests and overlays, aegisgen's or not, against the schemas."""
    _run("validate", locals())


@app.command(epilog="Examples: 'aegisgen plan production' · 'aegisgen plan production --format svg > plan.svg'")
def plan(
    environment: Annotated[
        str | None,
        typer.Argument(metavar="[ENV]", help="The environment.", autocompletion=_complete_environment),
    ] = None,
    *,
    service: _Services = None,
    path: Annotated[Path | None, typer.Option("--path", metavar="DIR", help="Any overlay instead.")] = None,
    output: Annotated[
        Literal["text", "json", "mermaid", "svg"], typer.Option("--format", help="How to show it.")
    ] = "text",
    project: _Project = None,
) -> None:
    """Show the order in which Argo CD will run everything: phases, waves, what waits for what, what happens if."""
    _run("plan", locals())


@app.command(
    epilog="Examples: 'aegisgen rehearse staging --app ../api' · 'aegisgen rehearse production --app ../api --all "
    "--report rehearsal.html' · 'aegisgen rehearse --path overlays/prod --app ../api:/app --scenario killed'"
)
def rehearse(
    environment: Annotated[
        str | None,
        typer.Argument(metavar="[ENV]", help="The environment.", autocompletion=_complete_environment),
    ] = None,
    *,
    service: _Services = None,
    path: Annotated[Path | None, typer.Option("--path", metavar="DIR", help="Any overlay instead.")] = None,
    application: Annotated[
        str | None,
        typer.Option("--app", metavar="DIR[:PATH]", help="The application, installed; PATH is where its image has it."),
    ] = None,
    dump: Annotated[
        Path | None,
        typer.Option("--schema-dump", metavar="FILE", help="What the database holds before; pg_dump's SQL or archive."),
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option("--scenario", metavar="NAME", help="Play this one; may be repeated.")
    ] = None,
    scenario_file: Annotated[
        list[Path] | None, typer.Option("--scenario-file", metavar="FILE", help="One of your own; may be repeated.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Play all scenarios.")] = False,
    show_list: Annotated[bool, typer.Option("--list", help="List the scenarios, play none.")] = False,
    database_url: Annotated[
        str, typer.Option("--database-url", metavar="URL", help="A server of your own.", envvar="AEGISGEN_DATABASE_URL")
    ] = "",
    postgres_bin: Annotated[
        Path | None, typer.Option("--postgres-bin", metavar="DIR", help="The programs of a PostgreSQL server.")
    ] = None,
    postgres_version: Annotated[
        int | None, typer.Option("--postgres-version", metavar="N", help="The major version, where several are here.")
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="NAME=DIR", help="What stands in for an image; repeatable.")
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="KEY=VALUE", help="A variable of every container; repeatable."),
    ] = None,
    provide: Annotated[
        list[str] | None,
        typer.Option(
            "--provide",
            metavar="KIND/NAME[=FILE]",
            help="An object that is there beforehand, with the KEY=VALUE lines of a file; repeatable.",
        ),
    ] = None,
    network: Annotated[bool, typer.Option("--network", help="Let containers connect to other machines.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", min=1, help="How many scenarios play at once.")] = 2,
    patience: Annotated[
        int,
        typer.Option(
            "--patience",
            metavar="SECONDS",
            min=1,
            help="A container that is silent for so long counts as hanging.",
        ),
    ] = 60,
    require_tools: Annotated[
        bool, typer.Option("--require-tools", help="A scenario that cannot be rehearsed here is an error. For CI.")
    ] = False,
    output: Annotated[Literal["text", "json", "junit"], typer.Option("--format", help="How to show it.")] = "text",
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Also write a page for a browser.")
    ] = None,
    project: _Project = None,
) -> None:
    """Run what was rendered on a real PostgreSQL, with everything that goes wrong."""
    _run("rehearse", locals())


@app.command(
    epilog="Exit codes: 0 healthy, 1 something is wrong, 2 the cluster cannot be asked, 3 nothing is wrong but it is "
    "not done: in progress, waiting for an approval, not deployed yet. Examples: 'aegisgen status production' · "
    "'aegisgen status staging --watch' · 'aegisgen status production --context prod --format json'"
)
def status(
    environment: Annotated[
        str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=_complete_environment)
    ],
    *,
    service: _Services = None,
    context: Annotated[
        str | None, typer.Option("--context", metavar="NAME", help="kubectl's context. Default: the current one.")
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", "-n", metavar="NAME", help="Default: the profile's.")] = "",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Look again and again; in a pipe, print each change once.")
    ] = False,
    interval: Annotated[
        int, typer.Option("--interval", metavar="SECONDS", min=1, max=3600, help="How often --watch looks.")
    ] = 5,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="How to show it.")] = "text",
    project: _Project = None,
) -> None:
    """Ask the cluster through kubectl, read-only: what is wrong, and what to do next."""
    _run("status", locals())


@app.command(
    epilog="Example: 'aegisgen check --shard 1/2 --format json > 1.json', the same with 2/2, 'aegisgen merge *.json'"
)
def merge(
    reports: Annotated[list[Path], typer.Argument(metavar="REPORT...", help="The JSON reports of all shards.")],
    *,
    output: _Format = "text",
) -> None:
    """Make one report of the shards of a check, as if it had been one run; exit 2 where one of them is missing."""
    _run("merge", locals())


@app.command(name="cache", epilog="Examples: 'aegisgen cache' · 'aegisgen cache --clear'")
def show_cache(
    *, clear: Annotated[bool, typer.Option("--clear", help="Remove all of it; the next run makes it anew.")] = False
) -> None:
    """Say where the cache lies and how much it holds: what Kustomize made of which files."""
    _run("cache", locals())


@app.command(
    epilog="Examples: 'aegisgen runbook production' · 'aegisgen runbook production --format html --output runbook.html'"
)
def runbook(
    environment: Annotated[
        str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=_complete_environment)
    ],
    *,
    service: _Services = None,
    output: Annotated[Literal["md", "html"], typer.Option("--format", help="How to write it.")] = "md",
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there. Default: print it.")
    ] = None,
    templates: _Templates = None,
    project: _Project = None,
) -> None:
    """Write the operating guide of a service: how to look, what it means, what to do, with its real names."""
    _run("runbook", locals())


@app.command(epilog="Examples: 'aegisgen explain' · 'aegisgen explain O201'")
def explain(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="[RULE]", help="The rule's ID; all rules if left out.", autocompletion=_complete_rule),
    ] = None,
) -> None:
    """Say what a rule means, why it matters, how to fix what it finds, and its source."""
    _run("explain", locals())


@app.command(
    epilog="Examples: 'aegisgen init' · 'aegisgen init --yes' · 'aegisgen init --service api --image "
    "ghcr.io/example/api --tool knex --env staging=init-container --env production=presync-job'"
)
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The repository's folder. The project goes into its argocd/.")
    ] = Path(),
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Ask nothing: take what is found, and guess the rest.")
    ] = False,
    service: Annotated[str | None, typer.Option("--service", metavar="NAME", help="Name of the service.")] = None,
    image: Annotated[str | None, typer.Option("--image", metavar="IMAGE", help="Its image, without a tag.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", metavar="KIND", help="Deployment, StatefulSet or DaemonSet.")
    ] = None,
    workload: Annotated[str | None, typer.Option("--workload", metavar="NAME", help="Name of the workload.")] = None,
    container: Annotated[str | None, typer.Option("--container", metavar="NAME", help="Its container.")] = None,
    port: Annotated[str | None, typer.Option("--port", metavar="PORT", help="The port it listens on.")] = None,
    tool: Annotated[
        str | None,
        typer.Option(
            "--tool",
            metavar="TOOL",
            help="knex, prisma, flyway, liquibase, alembic, django, golang-migrate or command.",
        ),
    ] = None,
    package_manager: Annotated[
        str | None, typer.Option("--package-manager", metavar="NAME", help="pnpm, npm or yarn.")
    ] = None,
    path: Annotated[
        str | None, typer.Option("--path", metavar="DIR", help="Folder of the migrations (golang-migrate).")
    ] = None,
    ping: Annotated[
        str | None, typer.Option("--ping", metavar="COMMAND", help="Exits 0 if the database answers (command).")
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="COMMAND", help="Lists what is pending (command).")
    ] = None,
    migrate: Annotated[
        str | None, typer.Option("--migrate", metavar="COMMAND", help="Runs what is pending (command).")
    ] = None,
    lock: Annotated[
        str | None,
        typer.Option("--lock", metavar="RUNTIME", help="node, python or none: what holds the lock (command)."),
    ] = None,
    config: Annotated[str | None, typer.Option("--config", metavar="NAME", help="Its ConfigMap.")] = None,
    secret: Annotated[str | None, typer.Option("--secret", metavar="NAME", help="Its Secret.")] = None,
    environments: Annotated[
        list[str] | None,
        typer.Option("--env", metavar="NAME[=STRATEGY]", help="An environment; may be repeated."),
    ] = None,
    namespace: Annotated[
        list[str] | None, typer.Option("--namespace", metavar="ENV=VALUE", help="Its namespace. Default: its name.")
    ] = None,
    prefix: Annotated[
        list[str] | None,
        typer.Option("--prefix", metavar="ENV=VALUE", help="Its name prefix. Default: its name and '-'."),
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="ENV=VALUE", help="The image's tag that it runs.")
    ] = None,
    database_host: Annotated[
        list[str] | None, typer.Option("--database-host", metavar="ENV=VALUE", help="Its database's host.")
    ] = None,
    templates: _Templates = None,
) -> None:
    """Write a project for a new repository: asks a few questions, or takes flags. Never overwrites."""
    _run("init", locals())


@app.command(
    epilog="Examples: 'aegisgen adopt argocd/overlays' · 'aegisgen adopt argocd/overlays --write' · "
    "'aegisgen adopt k8s/production --format json'"
)
def adopt(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Overlays, or folders that hold some.")],
    *,
    write: Annotated[bool, typer.Option("--write", help="Write the project and take over the overlays.")] = False,
    lossy: Annotated[bool, typer.Option("--lossy", help="Write although something is not carried over.")] = False,
    templates: _Templates = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="How to show it.")] = "text",
) -> None:
    """Make a project of hand-written overlays, and show what would differ. Writes nothing without --write.

    Exit code 1: something that the overlays do is not carried over.
    """
    _run("adopt", locals())


@app.command(epilog="Examples: 'aegisgen schema profile > profile.schema.json' · 'aegisgen schema --write'")
def schema(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="project|services|profile", help="Which file's schema.", autocompletion=_complete_schema
        ),
    ] = "project",
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write all into the project's .schemas/, where 'init' put them.")
    ] = False,
    project: _Project = None,
) -> None:
    """Print the JSON Schema of the project file, of a file that it includes, or of a profile, for editors."""
    _run("schema", locals())
