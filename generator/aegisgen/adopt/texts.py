"""A plan as the files that people will read: YAML in blocks, short mappings on one line, with comments. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aegisgen.adopt.project import Plan
from aegisgen.kube.versions import DEFAULT_VERSION
from aegisgen.profile.load import PROJECT_FILE
from aegisgen.profile.schema import FOLDER, schema_files
from aegisgen.render.scalars import to_yaml

_WIDTH = 118
# Said above a field, wherever it stands.
_COMMENTS = {
    "strategy": {
        "presync-job": "Once, in a Job before the sync; if it fails, nothing of the application is touched.",
        "init-container": "In each pod, before the application starts; one pod migrates, the others wait for it.",
    },
}
_ABOVE = {
    "workload": "The workload as it stands in the base, without an environment's prefix.",
    "overlay": "The overlay's folder, here.",
    "secret": "In the cluster before the first sync, and never in this repository.",
    "serviceAccount": "As it was: aegisgen would make an account of its own, to which nothing is allowed.",
}


def project_texts(plan: Plan) -> dict[str, str]:
    """Return the texts of the project's files by path: project file, profiles, and the schemas that they name."""
    head = (
        f"# yaml-language-server: $schema={FOLDER}/project.json\n"
        "# The services that aegisgen renders into their overlays, each described once. What differs between\n"
        "# environments stands in profiles/. 'aegisgen schema --write' renews the schema that editors check this by.\n"
    )
    project: dict[str, object] = {
        "apiVersion": "aegisgen.dev/v1",
        "kind": "Project",
        "kubernetesVersion": DEFAULT_VERSION,
        "services": plan.project,
    }
    files = {PROJECT_FILE: head + _document(project)}
    for name, spec in plan.profiles.items():
        profile: dict[str, object] = {
            "apiVersion": "aegisgen.dev/v1", "kind": "EnvironmentProfile", "metadata": {"name": name}, "spec": spec,
        }  # fmt: skip
        lead = f"# yaml-language-server: $schema=../{FOLDER}/profile.json\n"
        files[f"profiles/{name}.yaml"] = lead + _document(profile)
    return files | schema_files()


def _document(data: Mapping[str, object]) -> str:
    return "".join(f"{line}\n" for line in _block(data, ""))


def _block(data: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, value in data.items():
        comment = _ABOVE.get(key) or (_COMMENTS.get(key, {}).get(value) if isinstance(value, str) else None)
        if comment:
            yield f"{indent}# {comment}"
        name = to_yaml(key)
        flow = f"{indent}{name}: {to_yaml(value)}"
        if not isinstance(value, dict) or not value or (len(flow) <= _WIDTH and _is_leaf(key, value)):
            yield from _wrapped(indent, name, value, flow)
        else:
            yield f"{indent}{name}:"
            yield from _block(value, indent + "  ")


def _wrapped(indent: str, name: str, value: object, flow: str) -> Iterator[str]:
    if isinstance(value, list) and value and len(flow) > _WIDTH:
        yield f"{indent}{name}:"
        yield from (f"{indent}  - {to_yaml(item)}" for item in value)
    else:
        yield flow


def _is_leaf(key: str, value: Mapping[str, object]) -> bool:
    if key in {"services", "spec", "migrations", "database", "security"} or "secret" in value:
        return False
    nested = [item for item in value.values() if isinstance(item, dict)]
    return not any(isinstance(item, dict) and item for inner in nested for item in inner.values())
