"""What the detector of secrets finds, and what it leaves alone. All secrets here are made up."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from tests.conftest import ROOT

from aegisgen.kube.credentials import secret_option, secret_text, secret_value

MIXED = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC3dE5fG7hI9jK1lM3nO5pQ7rS9tU1v"
HEX = "3f9a1c5e7b2d4f60819a3c5d7e9f0b1c2d4e6f8091a2b3c4d5e6f708192a3b4c"
UUID = "5f0c9a52-7f1e-4b57-9a35-0b8b7b6f2a11"


def pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\nMIIE\n-----END {kind}-----\n"


TOKENS = {
    "GitHub, classic": "ghp_" + MIXED[:36],
    "GitHub, OAuth": "gho_" + MIXED[:36],
    "GitHub, server": "ghs_" + MIXED[:36],
    "GitHub, fine-grained": "github_pat_" + MIXED[:22] + "_" + MIXED[:59],
    "GitLab": "glpat-" + MIXED[:20],
    "GitLab, deploy token": "gldt-" + MIXED[:20],
    "Grafana": "glsa_" + MIXED[:32] + "_1a2b3c4d",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "AWS, temporary": "ASIAIOSFODNN7EXAMPLE",
    "Slack": "xoxb-" + "123456789012-abcdefABCDEF",
    "Slack, webhook": "https://hooks.slack.com/services/" + "T00000000/B00000000/" + MIXED[:24],
    "Discord, webhook": "https://discord.com/api/webhooks/123456789012345678/" + MIXED,
    "Stripe": "sk_live_" + MIXED[:24],
    "Stripe, restricted": "rk_live_" + MIXED[:24],
    "Google": "AIza" + MIXED[:35],
    "Google, client": "GOCSPX-" + MIXED[:28],
    "Google, service account": '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMIIE"}',
    "npm": "npm_" + MIXED[:36],
    "PyPI": "pypi-AgEIcHlwaS5vcmc" + MIXED,
    "SendGrid": "SG." + MIXED[:22] + "." + MIXED[:43],
    "Twilio": "SK" + HEX[:32],
    "Mailgun": "key-" + HEX[:32],
    "Azure, storage": "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + MIXED + "8+/aaaaaaaaaaaaaaaa==",
    "Azure, bus": "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKey=" + MIXED[:44],
    "Azure, SAS": "https://a.blob.core.windows.net/c?sv=2022&sig=" + MIXED[:43] + "%3D",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." + MIXED[:43],
    "Vault": "hvs." + MIXED[:24],
    "DigitalOcean": "dop_v1_" + HEX,
    "OpenAI": "sk-proj-" + MIXED[:40],
    "Hugging Face": "hf_" + "abcdefghijklmnopqrstuvwxyzABCDEFGH",
    "Telegram": "123456789:AA" + MIXED[:33],
    "Docker": "dckr_pat_" + MIXED[:27],
    "registry's configuration": '{"auths": {"ghcr.io": {"auth": "dXNlcjpodW50ZXIy"}}}',
    "age": "AGE-SECRET-KEY-1" + "Q" * 58,
    "private key": pem("PRIVATE KEY"),
    "RSA key": pem("RSA PRIVATE KEY"),
    "SSH key": pem("OPENSSH PRIVATE KEY"),
    "PGP key": pem("PGP PRIVATE KEY BLOCK"),
    "private key in base64": base64.b64encode(pem("EC PRIVATE KEY").encode()).decode(),
    "SSH key in base64": base64.b64encode(pem("OPENSSH PRIVATE KEY").encode()).decode(),
    "RSA key in base64": base64.b64encode(pem("RSA PRIVATE KEY").encode()).decode(),
    "URL": "postgres://app:hunter22@db/app",
    "URL without a user": "redis://:hunter22@cache:6379",
    "URL with a variable for the user": "postgres://$(USER):hunter22@db/app",
    "URL with a parameter": "jdbc:postgresql://db/app?user=app&password=hunter22",
    "connection string": "Server=db;User=app;Password=hunter22;",
    "header": "Authorization: Bearer " + MIXED[:20],
}
NAMED = {
    "DATABASE_PASSWORD": "correct horse",
    "db.password": "hunter22",
    "dbPassword": "hunter22",
    "PGPASSWORD": "12345",
    "MYSECRET": "hunter22",
    "API_KEY": "abc123",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "TEAM_WEBHOOK_URL": "https://hooks.example.com/services/T0/B0/x",
    "SECRET_KEY_BASE": HEX,
    "AUTH_SEED": MIXED[:32],
    "SESSION_SALT": MIXED[:24] + "+/==",
}
COMMANDS = (
    "psql --password=hunter2",
    "tool --api-key hunter2",
    "PGPASSWORD=hunter22 psql",
    "sh -c 'PGPASSWORD=hunter22 psql'",
    "helm upgrade --set auth.password=hunter2",
    "curl -u admin:hunter22 https://host",
    "curl https://user:hunter22@host/",
    "curl -H 'Authorization: token " + MIXED[:20] + "'",
)
HARMLESS = {
    "PASSWORD": ("", "$(OTHER)", "${PASSWORD}", "$PASSWORD", "<password>", "{{ password }}", "changeme", "/run/secrets/x", "***", "-"),
    "PASSWORD_FILE": ("/run/secrets/x", "whatever"),
    "SECRET_NAME": ("my-secret", "api-secrets-7f8c9d5b4"),
    "DATABASE_SECRET": ("api-secrets", "api-secret-7f8c9d5b4", "vault:secret/data/api#password"),
    "TOKEN_TTL": ("3600", "15m"),
    "MAX_TOKEN": ("65536",),
    "USE_TOKEN": ("true",),
    "OAUTH_TOKEN_URL": ("https://login.example.com/oauth/token",),
    "ACCESS_TOKEN": ("https://login.example.com/oauth/token",),
    "CREDENTIALS": ("/var/run/secrets/google/key.json",),
    "JWT_PUBLIC_KEY": (pem("PUBLIC KEY"), "ssh-rsa AAAAB3NzaC1yc2E" + MIXED),
    "SIGNING_KEY": (pem("PUBLIC KEY"), "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5" + MIXED[:40]),
    "CA": (pem("CERTIFICATE"), base64.b64encode(pem("CERTIFICATE").encode()).decode()),
    "GIT_COMMIT": (HEX[:40], HEX),
    "AUTH_IMAGE": ("ghcr.io/a/auth@sha256:" + HEX, "sha256:" + HEX),
    "AUTH_SHA": (HEX[:40],),
    "SESSION_STORE": (UUID, "redis-session-store-7f8c9d5b4", "/var/lib/sessions/current/store"),
    "KEY_HINT": (base64.b64encode(b"these are only words").decode(), "correct-horse-battery-staple"),
    "KEYCLOAK_REALM": ("My-Company-Production-Realm-2024", "production"),
    "AUTH_CALLBACKS": ("https://a.example.com/cb,https://b.example.com/cb",),
    "SIGNATURES": ("RSASSA_PSS_SHA_256,RSASSA_PKCS1_V1_5_SHA_256",),
    "RANDOM": (MIXED,),
    "DATABASE_URL": (
        "postgres://db:5432/app", "postgres://app@db/app", "postgresql://$(USER):$(PASSWORD)@host/db",
        "postgres://app:${PASSWORD}@db/app", "postgres://app:<password>@db/app", "postgres://app:%s@db/app",
        "jdbc:postgresql://db/app?user=app&password=${PASSWORD}", "https://a.example.com:8443/x@2x.png",
        "http://host:80/?mail=a@example.com",
    ),
    "NOTE": ("ghp_short", "npm_config_registry", "see hvac.md", "SKU-1", "key-value", "https://hooks.slack.com/", "task-" + "a" * 40),
}  # fmt: skip
HARMLESS_COMMANDS = (
    "vllm --max-num-batched-token 65536",
    "PGPASSWORD=$DATABASE_PASSWORD psql",
    'PGPASSWORD="$(cat /run/secrets/x)" psql',
    "psql --password-file=/run/secret",
    "tool --token-review --secret-namespace=a",
    "tool --password --verbose",
    "tool --secret api-secrets --tokens 5",
    "node -e 'const token=process.env.TOKEN; f()'",
    "curl -u $USER:$PASSWORD https://host",
    "id -u postgres",
    "docker run -u 1000:1000 image --user $(id -u):$(id -g)",
)


@pytest.mark.parametrize("name", TOKENS)
def test_a_known_form_is_a_secret_wherever_it_stands(name: str) -> None:
    assert secret_text(TOKENS[name])
    assert secret_value("NOTE", f"see {TOKENS[name]} here")
    assert secret_option(f"tool {TOKENS[name]}")


@pytest.mark.parametrize("name", NAMED)
def test_a_name_makes_a_value_a_secret(name: str) -> None:
    assert secret_value(name, NAMED[name])
    assert not secret_value("COLOUR", "hunter22")


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_line_carries_a_secret(line: str) -> None:
    assert secret_option(line)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in HARMLESS.items() for value in values])
def test_no_false_alarm_about_a_value(name: str, value: str) -> None:
    assert not secret_value(name, value)


@pytest.mark.parametrize("line", HARMLESS_COMMANDS)
def test_no_false_alarm_about_a_command_line(line: str) -> None:
    assert not secret_option(line)


@pytest.mark.parametrize("file", sorted(ROOT.glob("templates/**/*.*")), ids=lambda file: file.name)
def test_no_false_alarm_about_what_aegisgen_brings_itself(file: Path) -> None:
    assert not secret_text(file.read_text())
