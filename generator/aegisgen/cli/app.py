"""The command line, as Typer has it: arguments in, exit code out, nothing else.

Each command's module is imported when the command runs. Its function `main` takes the very parameters of the function
here. `arguments.py` calls it without Typer where the command line is a plain one and people wait for it: after a change
to the options of `check`, `render` or `validate`, run `python generator/build_arguments.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from aegisgen.kube.versions import DEFAULT_VERSION
from aegisgen.tools import TOOLS

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
_Text = str | None
_Texts = list[str] | None
_File = Path | None


def _run(command: str, values: dict[str, object]) -> NoReturn:
    """Import a command's module and leave with the exit code of its `main`, which takes the parameters by name."""
    raise typer.Exit(import_module(f"aegisgen.commands.{command}").main(**values))


def _names(kind: str) -> Callable[[str], Sequence[object]]:
    """Return the completion of environments, services, rules or schemas, whose module is imported when it is used."""

    def complete(incomplete: str) -> Sequence[object]:
        names: Sequence[object] = getattr(import_module("aegisgen.cli.completion"), kind)(incomplete)
        return names

    return complete


def _tools(**fields: object) -> str:
    """Return the names of the migration tools that have these values."""
    return ", ".join(name for name, tool in TOOLS.items() if all(getattr(tool, key) == fields[key] for key in fields))


def _option(
    metavar: str,
    text: str,
    *flags: str,
    kind: str = "",
    low: int | None = None,
    high: int | None = None,
    variable: str = "",
) -> object:
    """Return an option that takes a value; `flags` where they are not the parameter's name, `kind` as in `_names`."""
    names = _names(kind) if kind else None
    return typer.Option(
        *flags, metavar=metavar, help=text, autocompletion=names, min=low, max=high, envvar=variable or None
    )


def _argument(metavar: str, text: str, kind: str = "") -> object:
    return typer.Argument(metavar=metavar, help=text, autocompletion=_names(kind) if kind else None)


def _flag(text: str, *flags: str) -> object:
    return typer.Option(*flags, help=text)


def _format(text: str = "How to show it.") -> object:
    return typer.Option("--format", help=text)


_Environments = Annotated[
    _Texts, _argument("[ENV]...", "Environments, by the names of their profiles.", "environments")
]
_AnyEnvironment = Annotated[_Text, _argument("[ENV]", "The environment.", "environments")]
_Environment = Annotated[str, _argument("ENV", "The environment.", "environments")]
_Overlay = Annotated[_File, _option("DIR", "Any overlay instead.")]
_Project = Annotated[_File, _option("FILE", "Project file. Default: aegisgen.yaml, here, in argocd/ or above.")]
_Templates = Annotated[
    _File,
    _option("DIR", "Templates in place of bundled ones, rendered in a sandbox. Default: AEGISGEN_TEMPLATES."),
]
_Services = Annotated[
    _Texts,
    _option("NAME", "Only this service, or those a glob matches; may be repeated.", kind="services"),
]
_Format = Annotated[Format, _format("How to print what was found.")]
_Engine = Annotated[Engine, _flag("What checks manifests against the schemas.")]
_RequireTools = Annotated[
    bool, _flag("It is an error if a check is skipped because a tool is missing. For CI.", "--require-tools")
]
_Jobs = Annotated[int, _option("N", "How many processes work. Default: one a core.", low=0)]
_Cache = Annotated[bool, _flag("Use the cache of composed overlays; see 'aegisgen cache'.")]
_Compose = Annotated[bool, _flag("Also check what Kustomize makes of the overlays.")]


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
    every: Annotated[bool, _flag("Render all environments.", "--all")] = False,
    service: _Services = None,
    show_diff: Annotated[bool, _flag("Show what would change, write nothing; exit 1 if anything.", "--diff")] = False,
    to_stdout: Annotated[bool, _flag("Print the generated files, write nothing.", "--stdout")] = False,
    force: Annotated[bool, _flag("Overwrite files that aegisgen did not generate.", "--force")] = False,
    exit_code: Annotated[bool, _flag("Exit 1 if anything was written. For hooks.", "--exit-code")] = False,
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
    every: Annotated[bool, _flag("All environments (the default).", "--all")] = False,
    service: _Services = None,
    changed_since: Annotated[
        _Text, _option("REV", "Only what can differ from this revision of git, committed or not.")
    ] = None,
    shard: Annotated[_Text, _option("I/N", "Only the I-th of N parts; see 'aegisgen merge'.")] = None,
    output: _Format = "text",
    engine: _Engine = "aegisgen",
    compose: _Compose = True,
    require_tools: _RequireTools = False,
    require_committed: Annotated[
        bool, _flag("A rendered file that is not in git is an error. For CI.", "--require-committed")
    ] = False,
    jobs: _Jobs = 0,
    cache: _Cache = True,
    write_baseline: Annotated[
        bool, _flag("Write what is found to the project's baseline; exit 0.", "--write-baseline")
    ] = False,
    templates: _Templates = None,
    project: _Project = None,
) -> None:
    """Find drift from the profiles, and errors in the tree. Writes nothing."""
    _run("check", locals())


@app.command(epilog="Examples: 'aegisgen validate argocd/' · 'kubectl get deploy -o yaml | aegisgen validate -'")
def validate(
    paths: Annotated[
        _Texts, _argument("[PATH]...", "Files, folders, or '-' for standard input. Default: here.")
    ] = None,
    *,
    kubernetes_version: Annotated[_Text, _option("1.NN", f"Default: the project's, or {DEFAULT_VERSION}.")] = None,
    strict: Annotated[bool, _flag("A kind without a bundled schema is an error.", "--strict")] = False,
    output: _Format = "text",
    engine: _Engine = "aegisgen",
    compose: _Compose = True,
    require_tools: _RequireTools = False,
    jobs: _Jobs = 0,
    cache: _Cache = True,
    write_baseline: Annotated[_File, _option("FILE", "Write what is found to a baseline; exit 0.")] = None,
) -> None:
    """Check any manifests and overlays, aegisgen's or not, against the schemas."""
    _run("validate", locals())


@app.command(epilog="Examples: 'aegisgen plan production' · 'aegisgen plan production --format svg > plan.svg'")
def plan(
    environment: _AnyEnvironment = None,
    *,
    service: _Services = None,
    path: _Overlay = None,
    output: Annotated[Literal["text", "json", "mermaid", "svg"], _format()] = "text",
    project: _Project = None,
) -> None:
    """Show the order in which Argo CD will run everything: phases, waves, what waits for what, what happens if."""
    _run("plan", locals())


@app.command(
    epilog="Examples: 'aegisgen rehearse staging --app ../api' · 'aegisgen rehearse production --app ../api --all "
    "--report rehearsal.html' · 'aegisgen rehearse --path overlays/prod --app ../api:/app --scenario killed' · "
    "'aegisgen rehearse production --app ../api --schema-dump dump.sql --queries queries.csv --rows rows.csv "
    "--fail-on breaking'"
)
def rehearse(
    environment: _AnyEnvironment = None,
    *,
    service: _Services = None,
    path: _Overlay = None,
    application: Annotated[
        _Text, _option("DIR[:PATH]", "The application, installed; PATH is where its image has it.", "--app")
    ] = None,
    previous: Annotated[
        _Text,
        _option("DIR|REV", "The application of the release before. Default: where the branch left the main one."),
    ] = None,
    dump: Annotated[
        _File, _option("FILE", "What the database holds before; pg_dump's SQL or archive.", "--schema-dump")
    ] = None,
    queries: Annotated[
        _File, _option("FILE", "What the running release executes: rows of pg_stat_statements, as CSV or JSON.")
    ] = None,
    rows: Annotated[
        _File, _option("FILE", "How full production's tables are: rows of pg_stats, as CSV or JSON.")
    ] = None,
    fail_on: Annotated[
        _Texts,
        _option("WHAT", "Fail on lock:SECONDS[@ROWS], rewrite, squawk:RULE or breaking; may be repeated."),
    ] = None,
    squawk_all: Annotated[bool, _flag("Let squawk also review what ran on an empty database.", "--squawk-all")] = False,
    scenario: Annotated[_Texts, _option("NAME", "Play this one; may be repeated.")] = None,
    scenario_file: Annotated[list[Path] | None, _option("FILE", "One of your own; may be repeated.")] = None,
    every: Annotated[bool, _flag("Play all scenarios.", "--all")] = False,
    show_list: Annotated[bool, _flag("List the scenarios, play none.", "--list")] = False,
    database_url: Annotated[str, _option("URL", "A server of your own.", variable="AEGISGEN_DATABASE_URL")] = "",
    postgres_bin: Annotated[_File, _option("DIR", "The programs of a PostgreSQL server.")] = None,
    postgres_version: Annotated[int | None, _option("N", "The major version, where several are here.")] = None,
    image: Annotated[_Texts, _option("NAME=DIR", "What stands in for an image; repeatable.")] = None,
    env: Annotated[_Texts, _option("KEY=VALUE", "A variable of every container; repeatable.")] = None,
    provide: Annotated[
        _Texts,
        _option(
            "KIND/NAME[=FILE]", "An object that is there beforehand, with the KEY=VALUE lines of a file; repeatable."
        ),
    ] = None,
    network: Annotated[bool, _flag("Let containers connect to other machines.", "--network")] = False,
    jobs: Annotated[int, _option("N", "How many scenarios play at once.", low=1)] = 2,
    patience: Annotated[
        int, _option("SECONDS", "A container that is silent for so long counts as hanging.", low=1)
    ] = 60,
    require_tools: Annotated[
        bool, _flag("A scenario that cannot be rehearsed here is an error. For CI.", "--require-tools")
    ] = False,
    output: Annotated[Literal["text", "json", "junit"], _format()] = "text",
    report: Annotated[_File, _option("FILE", "Also write a page for a browser.")] = None,
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
    environment: _Environment,
    *,
    service: _Services = None,
    context: Annotated[_Text, _option("NAME", "kubectl's context. Default: the current one.")] = None,
    namespace: Annotated[str, _option("NAME", "Default: the profile's.", "--namespace", "-n")] = "",
    watch: Annotated[bool, _flag("Look again and again; in a pipe, print each change once.", "--watch", "-w")] = False,
    interval: Annotated[int, _option("SECONDS", "How often --watch looks.", low=1, high=3600)] = 5,
    output: Annotated[Literal["text", "json"], _format()] = "text",
    project: _Project = None,
) -> None:
    """Ask the cluster through kubectl, read-only: what is wrong, and what to do next."""
    _run("status", locals())


@app.command(
    epilog="Example: 'aegisgen check --shard 1/2 --format json > 1.json', the same with 2/2, 'aegisgen merge *.json'"
)
def merge(
    reports: Annotated[list[Path], _argument("REPORT...", "The JSON reports of all shards.")],
    *,
    output: _Format = "text",
) -> None:
    """Make one report of the shards of a check, as if it had been one run; exit 2 where one of them is missing."""
    _run("merge", locals())


@app.command(name="cache", epilog="Examples: 'aegisgen cache' · 'aegisgen cache --clear'")
def show_cache(
    *, clear: Annotated[bool, _flag("Remove all of it; the next run makes it anew.", "--clear")] = False
) -> None:
    """Say where the cache lies and how much it holds: what Kustomize made of which files."""
    _run("cache", locals())


@app.command(
    epilog="Examples: 'aegisgen runbook production' · 'aegisgen runbook production --format html --output runbook.html'"
)
def runbook(
    environment: _Environment,
    *,
    service: _Services = None,
    output: Annotated[Literal["md", "html"], _format("How to write it.")] = "md",
    file: Annotated[_File, _option("FILE", "Write it there. Default: print it.", "--output", "-o")] = None,
    templates: _Templates = None,
    project: _Project = None,
) -> None:
    """Write the operating guide of a service: how to look, what it means, what to do, with its real names."""
    _run("runbook", locals())


@app.command(epilog="Examples: 'aegisgen explain' · 'aegisgen explain O201'")
def explain(
    rule: Annotated[_Text, _argument("[RULE]", "The rule's ID; all rules if left out.", "rules")] = None,
) -> None:
    """Say what a rule means, why it matters, how to fix what it finds, and its source."""
    _run("explain", locals())


@app.command(
    epilog="Examples: 'aegisgen init' · 'aegisgen init --yes' · 'aegisgen init --service api --image "
    "ghcr.io/example/api --tool knex --env staging=init-container --env production=presync-job'"
)
def init(
    directory: Annotated[
        Path, _argument("[DIR]", "The repository's folder. The project goes into its argocd/.")
    ] = Path(),
    *,
    yes: Annotated[bool, _flag("Ask nothing: take what is found, and guess the rest.", "--yes", "-y")] = False,
    service: Annotated[_Text, _option("NAME", "Name of the service.")] = None,
    image: Annotated[_Text, _option("IMAGE", "Its image, without a tag.")] = None,
    kind: Annotated[_Text, _option("KIND", "Deployment, StatefulSet or DaemonSet.")] = None,
    workload: Annotated[_Text, _option("NAME", "Name of the workload.")] = None,
    container: Annotated[_Text, _option("NAME", "Its container.")] = None,
    port: Annotated[_Text, _option("PORT", "The port it listens on.")] = None,
    tool: Annotated[_Text, _option("TOOL", f"{', '.join(TOOLS)}: what migrates.")] = None,
    package_manager: Annotated[_Text, _option("NAME", "pnpm, npm or yarn.")] = None,
    path: Annotated[_Text, _option("DIR", f"Folder of the migrations ({_tools(needs_path=True)}).")] = None,
    ping: Annotated[_Text, _option("COMMAND", "Exits 0 if the database answers (command).")] = None,
    status: Annotated[_Text, _option("COMMAND", "Lists what is pending (command).")] = None,
    migrate: Annotated[_Text, _option("COMMAND", "Runs what is pending (command).")] = None,
    lock: Annotated[
        _Text, _option("RUNTIME", f"node, python or none: what holds the lock ({_tools(lock=None)}).")
    ] = None,
    config: Annotated[_Text, _option("NAME", "Its ConfigMap.")] = None,
    secret: Annotated[_Text, _option("NAME", "Its Secret.")] = None,
    environments: Annotated[_Texts, _option("NAME[=STRATEGY]", "An environment; may be repeated.", "--env")] = None,
    namespace: Annotated[_Texts, _option("ENV=VALUE", "Its namespace. Default: its name.")] = None,
    prefix: Annotated[_Texts, _option("ENV=VALUE", "Its name prefix. Default: its name and '-'.")] = None,
    tag: Annotated[_Texts, _option("ENV=VALUE", "The image's tag that it runs.")] = None,
    database_host: Annotated[_Texts, _option("ENV=VALUE", "Its database's host.")] = None,
    templates: _Templates = None,
) -> None:
    """Write a project for a new repository: asks a few questions, or takes flags. Never overwrites."""
    _run("init", locals())


@app.command(
    epilog="Examples: 'aegisgen adopt argocd/overlays' · 'aegisgen adopt argocd/overlays --write' · "
    "'aegisgen adopt k8s/production --format json'"
)
def adopt(
    paths: Annotated[list[Path], _argument("PATH...", "Overlays, or folders that hold some.")],
    *,
    write: Annotated[bool, _flag("Write the project and take over the overlays.", "--write")] = False,
    lossy: Annotated[bool, _flag("Write although something is not carried over.", "--lossy")] = False,
    templates: _Templates = None,
    output: Annotated[Literal["text", "json"], _format()] = "text",
) -> None:
    """Make a project of hand-written overlays, and show what would differ. Writes nothing without --write.

    Exit code 1: something that the overlays do is not carried over.
    """
    _run("adopt", locals())


@app.command(epilog="Examples: 'aegisgen schema profile > profile.schema.json' · 'aegisgen schema --write'")
def schema(
    kind: Annotated[str, _argument("project|services|profile", "Which file's schema.", "schemas")] = "project",
    *,
    write: Annotated[bool, _flag("Write all into the project's .schemas/, where 'init' put them.", "--write")] = False,
    project: _Project = None,
) -> None:
    """Print the JSON Schema of the project file, of a file that it includes, or of a profile, for editors."""
    _run("schema", locals())
