"""What a reader of a rehearsal must know: what was not the real thing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aegisgen.rehearsal.image.images import bare_name, is_tool
from aegisgen.rehearsal.image.scripts import MANAGERS
from aegisgen.rehearsal.kubelet import landlock
from aegisgen.rehearsal.objects import brought_by
from aegisgen.rehearsal.scenario.setting import Setting

_KNOWS_PORTS = 4


def notes_of(setting: Setting) -> Iterator[str]:
    """Yield a sentence for each."""
    lines = "\n".join(container.command_line for pod in setting.cast.pods for container in pod.containers)
    used = [manager for manager in MANAGERS if re.search(rf"(?<![\w-]){manager}(?![\w-])", lines)]
    if setting.app and used:
        yield f"package scripts were run directly, in place of {' and '.join(used)}"
    images = {
        bare_name(container.image)
        for pod in setting.cast.pods
        for container in pod.containers
        if is_tool(container.image)
    }
    if any(image.endswith("aws-cli") for image in images):
        yield "a stand-in for the S3 client kept objects as files"
    others = sorted(image for image in images if not image.endswith("aws-cli"))
    if others:
        yield f"this machine's programs stood in for those of {', '.join(others)}"
    brought = set(brought_by(setting.resources))
    references = [
        reference
        for pod in setting.cast.pods
        for reference in pod.references
        if "imagePullSecrets" not in reference.path
    ]
    wanted = {(reference.kind, reference.name) for reference in references}
    made_up = sorted(name for kind, name in wanted - brought - set(setting.given) if kind == "Secret")
    if made_up:
        yield f"made up, as the overlay does not bring them: Secret {', '.join(made_up)}"
    if not landlock.version():
        yield "this system has no Landlock: nothing kept containers from writing elsewhere or connecting anywhere"
    elif landlock.version() < _KNOWS_PORTS and not setting.network:
        yield "this kernel's Landlock knows no ports: nothing kept containers from connecting anywhere"
