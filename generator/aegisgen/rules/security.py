"""Secrets in plain text, missing limits, and rights that pods do not need."""

from __future__ import annotations

from collections.abc import Iterator

from aegisgen.errors import Severity
from aegisgen.kube.credentials import secret_option, secret_text, secret_value
from aegisgen.kube.shape import mapping, sequence, text, texts
from aegisgen.rules import podsecurity
from aegisgen.rules.context import Context
from aegisgen.rules.references import Container
from aegisgen.rules.rule import Hit, Rule, Scope

_STANDARDS = ("security", "pod-security")
_WANTED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))


def plain_secret(context: Context) -> Iterator[Hit]:
    """Find secrets in variables, ConfigMaps and command lines."""
    for pod, container in context.containers():
        for index, item in enumerate(sequence(container.fields.get("env"))):
            name, value = text(mapping(item).get("name")), text(mapping(item).get("value"))
            if value and secret_value(name, value):
                message = f"the variable {name} of container {container.name} holds a secret in plain text"
                yield Hit(message, pod.resource, (*container.path, "env", index, "value"))
        line = container.command_line
        if line and secret_option(line):
            message = f"the command line of container {container.name} holds a secret in plain text"
            arguments = "\n".join(map(text, sequence(container.fields.get("args"))))
            field = "args" if secret_option(arguments) else "command"
            yield Hit(message, pod.resource, (*container.path, field))
    for resource in context.of_kind("ConfigMap"):
        for key, value in texts(resource.data.get("data")).items():
            if secret_text(value) if "\n" in value else secret_value(key, value):
                message = f"the key {key} holds a secret in plain text: a ConfigMap is for everybody to read"
                yield Hit(message, resource, ("data", key))


def no_limits(context: Context) -> Iterator[Hit]:
    """Find pods whose containers ask for nothing or may take everything; each pod once."""
    for pod in context.pods:
        missing = [(container, fields) for container in pod.containers if (fields := _missing(container))]
        if missing and not (pod.spec.get("resources") and context.settings.kubernetes_version >= "1.34"):
            what = "; ".join(f"container {container.name} has no {', '.join(fields)}" for container, fields in missing)
            yield Hit(what, pod.resource, (*missing[0][0].path, "resources"))


def needless_token(context: Context) -> Iterator[Hit]:
    """Find pods that carry the default service account's token."""
    mounted = {
        context.namespace_of(account)
        for account in context.of_kind("ServiceAccount")
        if account.identity.name == "default" and account.data.get("automountServiceAccountToken") is False
    }
    for pod in context.pods:
        if text(pod.spec.get("serviceAccountName")) not in {"", "default"}:
            continue  # it has an account of its own, and so a reason
        if pod.spec.get("automountServiceAccountToken") is None and context.namespace_of(pod.resource) not in mounted:
            message = "the default service account's token is mounted, and nothing here says that anybody needs it"
            yield Hit(message, pod.resource, pod.path, fix="set automountServiceAccountToken: false in the pod's spec")


def below_baseline(context: Context) -> Iterator[Hit]:
    """Find what the level `baseline` forbids, apart from `hostPath` and privileged containers."""
    if context.settings.pod_security != "privileged":
        yield from _violations(context, podsecurity.baseline)


def below_restricted(context: Context) -> Iterator[Hit]:
    """Find what the level `restricted` demands beyond `baseline`."""
    if context.settings.pod_security == "restricted":
        yield from _violations(context, podsecurity.restricted)


def host_path(context: Context) -> Iterator[Hit]:
    """Find volumes of the node's own file system."""
    for pod in context.pods:
        for index, item in enumerate(sequence(pod.spec.get("volumes"))):
            volume = mapping(item)
            if volume.get("hostPath"):
                message = f"volume {text(volume.get('name'))} is a hostPath: whoever breaks into the pod is on the node"
                yield Hit(message, pod.resource, (*pod.path, "volumes", index, "hostPath"))


def privileged(context: Context) -> Iterator[Hit]:
    """Find containers that are root on the node."""
    for pod, container in context.containers():
        if mapping(container.fields.get("securityContext")).get("privileged") is True:
            message = f"container {container.name} is privileged: it is root on the node"
            yield Hit(message, pod.resource, (*container.path, "securityContext", "privileged"))


def _missing(container: Container) -> list[str]:
    given = mapping(container.fields.get("resources"))
    return [
        f"{group}.{amount}"
        for group, amount in _WANTED
        # Kubernetes takes a limit for the request where there is none.
        if amount not in mapping(given.get(group)) and amount not in mapping(given.get("limits"))
    ]


def _violations(context: Context, standard: podsecurity.Standard) -> Iterator[Hit]:
    for pod in context.pods:
        violations = list(standard(pod))
        if violations:
            message = "; ".join(dict.fromkeys(violation.message for violation in violations))
            yield Hit(message, pod.resource, violations[0].path)


RULES = (
    Rule("S401", "secret in plain text", Severity.ERROR, plain_secret, ("security", "secrets"), Scope.LASTING),
    Rule("S402", "no requests or limits", Severity.WARNING, no_limits, ("security", "resources"), Scope.ALONE),
    Rule("S403", "service account token without need", Severity.INFO, needless_token, ("security",)),
    Rule("S404", "below Pod Security baseline", Severity.WARNING, below_baseline, _STANDARDS, Scope.LASTING),
    Rule("S405", "below Pod Security restricted", Severity.WARNING, below_restricted, _STANDARDS, Scope.ALONE),
    Rule("S406", "hostPath volume", Severity.WARNING, host_path, _STANDARDS, Scope.LASTING),
    Rule("S407", "privileged container", Severity.ERROR, privileged, _STANDARDS, Scope.LASTING),
)
