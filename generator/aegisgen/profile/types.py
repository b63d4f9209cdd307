"""The scalar types of the user's files: what a name, a duration or an image may look like.

`title` finishes the sentence "expected ..." in error messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from aegisgen.kube.versions import VERSIONS
from aegisgen.profile.base import about, matching, whole

DnsLabel = Annotated[
    str,
    matching(
        "a DNS-1123 label: lower-case letters, digits and '-', at most 63 characters",
        r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
        "api",
        max_length=63,
    ),
]
DnsName = Annotated[
    str,
    matching(
        "a DNS-1123 name: lower-case letters, digits, '-' and '.', at most 253 characters",
        r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*",
        "aegisx-api-config",
        max_length=253,
    ),
]
NamePrefix = Annotated[
    str,
    matching(
        "the beginning of a DNS-1123 name, such as production-",
        r"(?:[a-z0-9][a-z0-9.-]*)?",
        "production-",
        max_length=52,
    ),
]
NameSuffix = Annotated[
    str, matching("the end of a DNS-1123 name, such as -blue", r"(?:[a-z0-9.-]*[a-z0-9])?", "-blue", max_length=52)
]
Duration = Annotated[str, matching("a duration such as 90s, 30m, 12h or 7d", r"[1-9][0-9]{0,6}[smhd]", "30m")]
TableWait = Annotated[
    str, matching("a duration such as 500ms or 2s, or off", r"(?:off|[1-9][0-9]{0,6}(?:ms|s|m))", "2s", "off")
]
EnvName = Annotated[
    str,
    matching(
        "the name of an environment variable: letters, digits and '_'",
        r"[A-Za-z_][A-Za-z0-9_]*",
        "DATABASE_HOST",
        max_length=200,
    ),
]
Text = Annotated[
    str,
    matching(
        "text without control characters",
        r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]*",
        "production",
        max_length=100_000,
    ),
]
Script = Annotated[
    str,
    matching(
        "the name of a package script, such as db:migrate",
        r"[A-Za-z0-9@][A-Za-z0-9_.:/@+-]*",
        "db:migrate",
        max_length=200,
    ),
]
ImageName = Annotated[
    str,
    matching(
        "an image without tag or digest, such as ghcr.io/example/api",
        r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*",
        "ghcr.io/example/api",
        max_length=255,
    ),
]
ImageReference = Annotated[
    str,
    matching(
        "an image with its tag or digest, such as postgres:17-alpine",
        r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})",
        "postgres:17-alpine",
        max_length=455,
    ),
]
ImageTag = Annotated[
    str, matching("an image tag, such as production or v1.4.2", r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", "v1.4.2")
]
ImageDigest = Annotated[
    str, matching("a digest: sha256: and 64 hex digits", r"sha256:[0-9a-f]{64}", "sha256:" + "0123456789abcdef" * 4)
]
Quantity = Annotated[
    str,
    matching(
        "a quantity such as 500m, '1' or 256Mi",
        r"[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?",
        "500m",
        "256Mi",
    ),
]
AnnotationKey = Annotated[
    str,
    matching(
        "an annotation's key, such as sidecar.istio.io/inject",
        r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
        "sidecar.istio.io/inject",
        max_length=253,
    ),
]
RelativePath = Annotated[
    str,
    matching(
        "a path below the project's folder, without '..'",
        r"(?!/)(?!(?:[\s\S]*/)?\.\.?(?:/|(?![\s\S])))[^\u0000-\u001f\u007f\\]+",
        "apps/api/migrations",
        max_length=400,
    ),
]
ObjectKey = Annotated[
    str,
    matching(
        "a key of a ConfigMap or Secret: letters, digits, '-', '_' and '.'",
        r"[A-Za-z0-9._-]+",
        "password",
        max_length=253,
    ),
]
Folder = Annotated[
    str,
    matching(
        "a folder, such as backups/api: letters, digits, '.', '_' and '-', parts separated by '/'",
        r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*",
        "backups/api",
        max_length=400,
    ),
]
HttpUrl = Annotated[
    str,
    matching(
        "a URL such as https://storage.example.com, without a user",
        r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?",
        "https://storage.example.com",
        max_length=400,
    ),
]
LabelKey = Annotated[
    str,
    matching(
        "a label's key, such as app.kubernetes.io/name",
        r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?",
        "app.kubernetes.io/name",
        max_length=253,
    ),
]
LabelValue = Annotated[
    str,
    matching(
        "a label's value: letters, digits, '-', '_' and '.', at most 63 characters",
        r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?",
        "postgres",
    ),
]
Cidr = Annotated[
    str, matching("a network such as 10.0.0.0/16 or fd00::/64", r"[0-9A-Fa-f.:]{2,45}/[0-9]{1,3}", "10.0.0.0/16")
]
Port = Annotated[int, whole(1, 65535, None, 5432, called="a port")]
Line = Annotated[
    str,
    matching("one line of text", r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]+", "main", max_length=2000),
]
RuleId = Annotated[str, matching("the ID of a rule, such as H105", r"[A-Z][0-9]{3}", "H105")]
# In a container's `command` the kubelet expands $(NAME) and halves $$; a word that means either would arrive changed.
Word = Annotated[
    str,
    matching(
        "one word of a command, on one line, without $( and $$",
        r"(?:(?!\$[($])[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff])+",
        "migrate",
        max_length=2000,
    ),
]
# The kubelet does the same in the values of environment variables.
Sql = Annotated[
    str,
    matching(
        "one SQL statement without $( and $$; write $tag$ for $$",
        r"(?:(?!\$[($])[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff])+",
        "SELECT count(*) FROM users",
        max_length=20_000,
    ),
]
TableName = Annotated[
    str,
    matching(
        "a table, such as knex_migrations or migrations.knex_migrations",
        r"[A-Za-z_][A-Za-z0-9_]{0,57}(?:\.[A-Za-z_][A-Za-z0-9_]{0,57})?",
        "knex_migrations",
    ),
]
LockName = Annotated[
    str,
    matching(
        "a lock's name: letters, digits, '.', '_' and '-', at most 63 characters",
        r"[A-Za-z0-9][A-Za-z0-9._-]*",
        "aegisgen",
        max_length=63,
    ),
]
Wave = Annotated[int, whole(-1000, 1000, None, -1, called="a sync wave: a whole number")]
Strategy = Literal["init-container", "presync-job"]
if TYPE_CHECKING:
    KubernetesVersion = str
else:  # msgspec reads the versions
    KubernetesVersion = Literal[VERSIONS]


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """Return a Duration in seconds: `30m` is 1800."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def milliseconds(wait: str) -> int:
    """Return a TableWait in milliseconds: `2s` is 2000, `off` is 0."""
    if wait == "off":
        return 0
    return int(wait[:-2]) if wait.endswith("ms") else 1000 * seconds(wait)


Deadline = Annotated[Duration, about("The longest that all attempts together may take; then the sync fails.")]
KeptFor = Annotated[Duration, about("How long the finished Job stays for its logs to be read.")]
PodAnnotations = Annotated[
    dict[AnnotationKey, Text],
    about("Annotations for the Job's pod, such as a service mesh's.", {"sidecar.istio.io/inject": "false"}),
]
Retries = Annotated[int, whole(0, 20, "Retries.")]
"""How often a Job tries again."""
