"""The scalar types of the user's files: what a name, a duration or an image may look like.

`title` finishes the sentence "expected ..." in error messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from aegisgen.kube.versions import VERSIONS

# `$` would let a final newline through; this does not, in Python, ECMAScript and Rust alike.
_END = r"(?![\s\S])"
_TEXT = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]*" + _END

DnsLabel = Annotated[
    str,
    Meta(
        title="a DNS-1123 label: lower-case letters, digits and '-', at most 63 characters",
        pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?" + _END,
        max_length=63,
        examples=["api"],
    ),
]
DnsName = Annotated[
    str,
    Meta(
        title="a DNS-1123 name: lower-case letters, digits, '-' and '.', at most 253 characters",
        pattern=r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*" + _END,
        max_length=253,
        examples=["aegisx-api-config"],
    ),
]
NamePrefix = Annotated[
    str,
    Meta(
        title="the beginning of a DNS-1123 name, such as production-",
        pattern=r"^(?:[a-z0-9][a-z0-9.-]*)?" + _END,
        max_length=52,
        examples=["production-"],
    ),
]
NameSuffix = Annotated[
    str,
    Meta(
        title="the end of a DNS-1123 name, such as -blue",
        pattern=r"^(?:[a-z0-9.-]*[a-z0-9])?" + _END,
        max_length=52,
        examples=["-blue"],
    ),
]
Duration = Annotated[
    str,
    Meta(title="a duration such as 90s, 30m, 12h or 7d", pattern=r"^[1-9][0-9]{0,6}[smhd]" + _END, examples=["30m"]),
]
EnvName = Annotated[
    str,
    Meta(
        title="the name of an environment variable: letters, digits and '_'",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*" + _END,
        max_length=200,
        examples=["DATABASE_HOST"],
    ),
]
Text = Annotated[
    str, Meta(title="text without control characters", pattern=_TEXT, max_length=100_000, examples=["production"])
]
Script = Annotated[
    str,
    Meta(
        title="the name of a package script, such as db:migrate",
        pattern=r"^[A-Za-z0-9@][A-Za-z0-9_.:/@+-]*" + _END,
        max_length=200,
        examples=["db:migrate"],
    ),
]
ImageName = Annotated[
    str,
    Meta(
        title="an image without tag or digest, such as ghcr.io/example/api",
        pattern=r"^(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*" + _END,
        max_length=255,
        examples=["ghcr.io/example/api"],
    ),
]
ImageReference = Annotated[
    str,
    Meta(
        title="an image with its tag or digest, such as postgres:17-alpine",
        pattern=r"^(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?@sha256:[0-9a-f]{64})" + _END,
        max_length=455,
        examples=["postgres:17-alpine"],
    ),
]
ImageTag = Annotated[
    str,
    Meta(
        title="an image tag, such as production or v1.4.2",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}" + _END,
        examples=["v1.4.2"],
    ),
]
ImageDigest = Annotated[
    str,
    Meta(
        title="a digest: sha256: and 64 hex digits",
        pattern=r"^sha256:[0-9a-f]{64}" + _END,
        examples=["sha256:" + "0123456789abcdef" * 4],
    ),
]
Quantity = Annotated[
    str,
    Meta(
        title="a quantity such as 500m, '1' or 256Mi",
        pattern=r"^[0-9]+(?:\.[0-9]+)?(?:m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?" + _END,
        examples=["500m", "256Mi"],
    ),
]
AnnotationKey = Annotated[
    str,
    Meta(
        title="an annotation's key, such as sidecar.istio.io/inject",
        pattern=r"^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?" + _END,
        max_length=253,
        examples=["sidecar.istio.io/inject"],
    ),
]
RelativePath = Annotated[
    str,
    Meta(
        title="a path below the project's folder, without '..'",
        pattern=r"^(?!/)(?!(?:[\s\S]*/)?\.\.?(?:/|(?![\s\S])))[^\u0000-\u001f\u007f\\]+" + _END,
        max_length=400,
        examples=["apps/api/migrations"],
    ),
]
ObjectKey = Annotated[
    str,
    Meta(
        title="a key of a ConfigMap or Secret: letters, digits, '-', '_' and '.'",
        pattern=r"^[A-Za-z0-9._-]+" + _END,
        max_length=253,
        examples=["password"],
    ),
]
Folder = Annotated[
    str,
    Meta(
        title="a folder, such as backups/api: letters, digits, '.', '_' and '-', parts separated by '/'",
        pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*" + _END,
        max_length=400,
        examples=["backups/api"],
    ),
]
HttpUrl = Annotated[
    str,
    Meta(
        title="a URL such as https://storage.example.com, without a user",
        pattern=r"^https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?" + _END,
        max_length=400,
        examples=["https://storage.example.com"],
    ),
]
LabelKey = Annotated[
    str,
    Meta(
        title="a label's key, such as app.kubernetes.io/name",
        pattern=r"^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?" + _END,
        max_length=253,
        examples=["app.kubernetes.io/name"],
    ),
]
LabelValue = Annotated[
    str,
    Meta(
        title="a label's value: letters, digits, '-', '_' and '.', at most 63 characters",
        pattern=r"^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?" + _END,
        examples=["postgres"],
    ),
]
Cidr = Annotated[
    str,
    Meta(
        title="a network such as 10.0.0.0/16 or fd00::/64",
        pattern=r"^[0-9A-Fa-f.:]{2,45}/[0-9]{1,3}" + _END,
        examples=["10.0.0.0/16"],
    ),
]
Port = Annotated[int, Meta(title="a port from 1 to 65535", ge=1, le=65535, examples=[5432])]
Line = Annotated[
    str,
    Meta(
        title="one line of text",
        pattern=r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]+" + _END,
        max_length=2000,
        examples=["main"],
    ),
]
RuleId = Annotated[
    str, Meta(title="the ID of a rule, such as H105", pattern=r"^[A-Z][0-9]{3}" + _END, examples=["H105"])
]
# In a container's `command` the kubelet expands $(NAME) and halves $$; a word that means either would arrive changed.
Word = Annotated[
    str,
    Meta(
        title="one word of a command, on one line, without $( and $$",
        pattern=r"^(?:(?!\$[($])[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff])+" + _END,
        max_length=2000,
        examples=["migrate"],
    ),
]
# The kubelet does the same in the values of environment variables.
Sql = Annotated[
    str,
    Meta(
        title="one SQL statement without $( and $$; write $tag$ for $$",
        pattern=r"^(?:(?!\$[($])[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff])+" + _END,
        max_length=20_000,
        examples=["SELECT count(*) FROM users"],
    ),
]
TableName = Annotated[
    str,
    Meta(
        title="a table, such as knex_migrations or migrations.knex_migrations",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,57}(?:\.[A-Za-z_][A-Za-z0-9_]{0,57})?" + _END,
        examples=["knex_migrations"],
    ),
]
LockName = Annotated[
    str,
    Meta(
        title="a lock's name: letters, digits, '.', '_' and '-', at most 63 characters",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*" + _END,
        max_length=63,
        examples=["aegisgen"],
    ),
]
Wave = Annotated[int, Meta(title="a sync wave: a whole number from -1000 to 1000", ge=-1000, le=1000, examples=[-1])]
Strategy = Literal["init-container", "presync-job"]
if TYPE_CHECKING:
    KubernetesVersion = str
else:  # msgspec reads the versions
    KubernetesVersion = Literal[VERSIONS]


_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """Return a Duration in seconds: `30m` is 1800."""
    return int(duration[:-1]) * _SECONDS[duration[-1]]


Retries = Annotated[int, Meta(title="a whole number from 0 to 20", ge=0, le=20, description="Retries.")]
"""How often a Job tries again."""
