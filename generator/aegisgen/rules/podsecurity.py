"""The Pod Security Standards `baseline` and `restricted`.

Source: Kubernetes documentation, concepts/security/pod-security-standards (1.34). `hostPath` and privileged containers
are rules of their own and left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aegisgen.kube.shape import mapping, sequence, text
from aegisgen.record import Record
from aegisgen.rules.references import Container, Pod

Path = tuple[str | int, ...]


class Violation(Record):
    """A field of a pod that the standard forbids, or the part that lacks one."""

    message: str
    path: Path


Standard = Callable[["Pod"], Iterator[Violation]]

_BASELINE_CAPABILITIES = frozenset(
    (
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
        *("NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    )
)
_SELINUX_TYPES = frozenset(("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"))
_SAFE_SYSCTLS = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
    )
)
_RESTRICTED_VOLUMES = frozenset(
    (
        *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret", "hostPath"),  # hostPath has a rule of its own
    )
)
_SECCOMP = frozenset(("RuntimeDefault", "Localhost"))


def baseline(pod: Pod) -> Iterator[Violation]:
    """Yield what `baseline` forbids in a pod."""
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field) is True:
            yield Violation(f"{field} shares the node's own", (*pod.path, field))
    security = mapping(pod.spec.get("securityContext"))
    path: Path = (*pod.path, "securityContext")
    yield from _shared_baseline(security, path, "the pod")
    for index, item in enumerate(sequence(security.get("sysctls"))):
        name = text(mapping(item).get("name"))
        if name not in _SAFE_SYSCTLS:
            yield Violation(f"the sysctl {name} is not one of the safe ones", (*path, "sysctls", index))
    for container in pod.containers:
        yield from _container_baseline(container)


def restricted(pod: Pod) -> Iterator[Violation]:
    """Yield what `restricted` demands of a pod beyond `baseline`."""
    security = mapping(pod.spec.get("securityContext"))
    for index, item in enumerate(sequence(pod.spec.get("volumes"))):
        for kind in mapping(item):
            if kind != "name" and kind not in _RESTRICTED_VOLUMES:
                yield Violation(f"a volume of type {kind}", (*pod.path, "volumes", index, kind))
    if security.get("runAsUser") == 0:
        yield Violation("the pod runs as user 0", (*pod.path, "securityContext", "runAsUser"))
    for container in pod.containers:
        yield from _container_restricted(container, security)


def _container_baseline(container: Container) -> Iterator[Violation]:
    security = mapping(container.fields.get("securityContext"))
    path: Path = (*container.path, "securityContext")
    name = f"container {container.name}"
    yield from _shared_baseline(security, path, name)
    for index, capability in enumerate(sequence(mapping(security.get("capabilities")).get("add"))):
        if text(capability) not in _BASELINE_CAPABILITIES:
            yield Violation(f"{name} adds the capability {capability}", (*path, "capabilities", "add", index))
    if text(security.get("procMount")) not in {"", "Default"}:
        yield Violation(f"{name} unmasks /proc", (*path, "procMount"))
    for index, port in enumerate(sequence(container.fields.get("ports"))):
        if mapping(port).get("hostPort"):
            yield Violation(f"{name} takes a port of the node", (*container.path, "ports", index, "hostPort"))


def _shared_baseline(security: dict[str, object], path: Path, name: str) -> Iterator[Violation]:
    """Yield what is forbidden for pods and containers alike."""
    if mapping(security.get("seccompProfile")).get("type") == "Unconfined":
        yield Violation(f"{name} switches seccomp off", (*path, "seccompProfile"))
    if mapping(security.get("appArmorProfile")).get("type") == "Unconfined":
        yield Violation(f"{name} switches AppArmor off", (*path, "appArmorProfile"))
    if mapping(security.get("windowsOptions")).get("hostProcess") is True:
        yield Violation(f"{name} is a process of the Windows node", (*path, "windowsOptions"))
    selinux = mapping(security.get("seLinuxOptions"))
    if text(selinux.get("type")) not in _SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield Violation(f"{name} chooses its own SELinux label", (*path, "seLinuxOptions"))


def _container_restricted(container: Container, pod_security: dict[str, object]) -> Iterator[Violation]:
    security = mapping(container.fields.get("securityContext"))
    path: Path = (*container.path, "securityContext")
    name = f"container {container.name}"
    if security.get("allowPrivilegeEscalation") is not False:
        yield Violation(f"{name} does not set allowPrivilegeEscalation: false", path)
    if security.get("runAsNonRoot", pod_security.get("runAsNonRoot")) is not True:
        yield Violation(f"{name} does not set runAsNonRoot: true", path)
    if security.get("runAsUser") == 0:
        yield Violation(f"{name} runs as user 0", (*path, "runAsUser"))
    profile = mapping(security.get("seccompProfile")) or mapping(pod_security.get("seccompProfile"))
    if text(profile.get("type")) not in _SECCOMP:
        yield Violation(f"{name} has no seccompProfile RuntimeDefault or Localhost", path)
    capabilities = mapping(security.get("capabilities"))
    if "ALL" not in sequence(capabilities.get("drop")):
        yield Violation(f"{name} does not drop ALL capabilities", path)
    if any(added != "NET_BIND_SERVICE" for added in sequence(capabilities.get("add"))):
        yield Violation(f"{name} adds capabilities", (*path, "capabilities", "add"))
