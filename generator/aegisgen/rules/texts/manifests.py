"""What is said of files and overlays that fail before any rule looks at them."""

from __future__ import annotations

from aegisgen.rules.texts import Text

_CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  PORT: %s
"""
_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
"""
_OVERLAY = f"""\
# file: overlay/kustomization.yaml
resources:
  - %s
%s# file: overlay/config.yaml
{_MAP}"""
_PATCH = """\
patches:
  - patch: |-
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: settings
      data: %s
"""

TEXTS = {
    "V001": Text(
        explanation="""\
The file is not YAML as Kubernetes reads it: a syntax error, a key twice in one mapping, aliases without end, bytes that
are no UTF-8. Or it is none at all: larger than any manifest, a pipe, not readable. The other documents of a stream are
checked all the same.""",
        fix="mend it at the place that the message names",
        source="YAML 1.1 as sigs.k8s.io/yaml reads it",
        bad=_CONFIG % "'3333'\n  PORT: '8080'",
        good=_CONFIG % "'3333'",
    ),
    "V002": Text(
        explanation="""\
The API server refuses the object: a field that the kind does not have, a value of the wrong type, a required field that
is missing. Argo CD applies everything as a dry run before the first wave, so that one such object fails the whole sync.
Patches are held to the schema too, but nothing is required of them.""",
        fix="write what the schema of the kind expects",
        source="the OpenAPI schemas of Kubernetes, Argo CD, External Secrets and Kustomize; Argo CD, sync_context.go",
        bad=_CONFIG % "3333",
        good=_CONFIG % "'3333'",
    ),
    "V003": Text(
        explanation="""\
There is no bundled schema for this kind, so nothing was checked but the rules. With `--strict` that is an error. It is
one in any case where Kubernetes has the kind under another apiVersion: then this one does not exist.""",
        fix="check the apiVersion; leave it where the kind is a custom resource",
        source="aegisgen",
        bad="apiVersion: example.dev/v1\nkind: Widget\nmetadata:\n  name: settings\n",
        good=_CONFIG % "'3333'",
    ),
    "V004": Text(
        explanation="""\
The document has no apiVersion and kind, or they are no strings: nothing can be done with it, and `kubectl apply` would
refuse the file.""",
        fix="give it apiVersion and kind, or keep it out of the folders of manifests",
        source="Kubernetes documentation, concepts/overview/working-with-objects",
        bad="PORT: '3333'\n",
        good=_CONFIG % "'3333'",
    ),
    "V005": Text(
        explanation="""\
A kustomization names a file or folder that is not there, or lies outside of what Kustomize may read. It does not build,
and Argo CD shows the application as Unknown with the error of Kustomize.""",
        fix="mend the path, or remove the entry",
        source="Kustomize documentation, kustomization file",
        bad=_OVERLAY % ("configuration.yaml", ""),
        good=_OVERLAY % ("config.yaml", ""),
    ),
    "V006": Text(
        explanation="""\
Kustomize refuses to build the directory, for a reason that no other rule names. Argo CD would show the application as
Unknown with the same error.""",
        fix="mend what Kustomize complains about; 'kustomize build' shows its own words",
        source="Kustomize",
        bad=_OVERLAY % ("config.yaml\n  - copy.yaml", "") + "# file: overlay/copy.yaml\n" + _MAP,
        good=_OVERLAY % ("config.yaml", _PATCH % "{PORT: '3333'}"),
    ),
}
