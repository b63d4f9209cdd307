"""YAML with positions, read as Kubernetes reads it."""
