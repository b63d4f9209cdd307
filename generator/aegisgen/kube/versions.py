"""The versions of Kubernetes that aegisgen knows: each has its schemas in `schemas/kubernetes/`."""

VERSIONS: tuple[str, ...] = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
DEFAULT_VERSION = "1.34"
