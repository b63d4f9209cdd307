"""The rules about security, in words."""

from __future__ import annotations

from aegisgen.rules.texts import Text

_STANDARDS = "Kubernetes documentation, concepts/security/pod-security-standards"
_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: api
spec:
%s  containers:
    - name: api
      image: ghcr.io/example/api:1.4.2
%s"""
_TOKEN = "  automountServiceAccountToken: false\n"  # noqa: S105 -- no secret, a field about one
_LIMITS = "      resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 128Mi}}\n"


def _pod(spec: str = "", container: str = "") -> str:
    return _POD % (_TOKEN + spec, container + _LIMITS)


TEXTS = {
    "S401": Text(
        explanation="""\
A password, token or private key stands in the tree: in a variable, in a ConfigMap or on a command line. It is in
git for ever, in the cluster for everybody who may read pods, and on a command line for everybody on the node. The
finding does not repeat the value; whoever had access has it, so change it.""",
        fix="put it into a Secret that is made outside of the tree (External Secrets, Sealed Secrets), and change it",
        source="Kubernetes documentation, concepts/security/secrets-good-practices",
        bad=_pod(container="      env: [{name: DATABASE_PASSWORD, value: hunter2-but-longer}]\n"),
        good=_pod(
            container="      env: [{name: DATABASE_PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}]\n"
        ),
    ),
    "S402": Text(
        explanation="""\
Without requests the scheduler puts the pod where there is no room for it, and without a memory limit one leak takes
the node. A migration that is evicted half-way is the worst moment to learn that. CPU needs no limit.""",
        fix="set resources.requests for cpu and memory, and resources.limits for memory",
        source="Kubernetes documentation, concepts/configuration/manage-resources-containers",
        bad=_POD % (_TOKEN, ""),
        good=_pod(),
    ),
    "S403": Text(
        explanation="""\
Every pod gets the token of its service account unless it declines. Pods with the default account seldom talk to the
Kubernetes API; whoever breaks into one finds a token there.""",
        fix="set automountServiceAccountToken: false in the pod's spec",
        source="Kubernetes documentation, tasks/configure-pod-container/configure-service-account",
        bad=_POD % ("", _LIMITS),
        good=_pod(),
    ),
    "S404": Text(
        explanation="""\
The level `baseline` of the Pod Security Standards forbids the known ways from a pod to its node: the node's network
and processes, its ports, further capabilities, seccomp or AppArmor switched off. Namespaces that enforce the level
reject such a pod. The project's setting `podSecurity` chooses the level.""",
        fix="remove the field",
        source=_STANDARDS,
        bad=_pod("  hostNetwork: true\n"),
        good=_pod(),
    ),
    "S405": Text(
        explanation="""\
The level `restricted` of the Pod Security Standards also demands that containers do not run as root, gain no rights
and drop all capabilities, with seccomp on. Checked where the project's setting `podSecurity` is `restricted`.""",
        fix="set runAsNonRoot, allowPrivilegeEscalation: false, capabilities.drop: [ALL] and a seccompProfile",
        source=_STANDARDS,
        bad="# podSecurity: restricted\n" + _pod(),
        good="# podSecurity: restricted\n"
        + _pod(
            "  securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}\n",
            "      securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}\n",
        ),
    ),
    "S406": Text(
        explanation="""\
A hostPath volume is the node's own file system. Whoever breaks into the pod can read the node's secrets or write
its configuration, and the data stays on whichever node the pod happened to run on.""",
        fix="use a PersistentVolumeClaim, an emptyDir or a ConfigMap",
        source=_STANDARDS + "; concepts/storage/volumes#hostpath",
        bad=_pod("  volumes: [{name: logs, hostPath: {path: /var/log}}]\n"),
        good=_pod("  volumes: [{name: logs, emptyDir: {}}]\n"),
    ),
    "S407": Text(
        explanation="""\
A privileged container has every capability and every device of the node: it is root there, not only in the pod.""",
        fix="remove privileged, and add the one capability that is needed, if any",
        source=_STANDARDS,
        bad=_pod(container="      securityContext: {privileged: true}\n"),
        good=_pod(container="      securityContext: {privileged: false}\n"),
    ),
}
