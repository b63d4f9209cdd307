"""Renders the GitOps tree that migrates a database when Argo CD deploys, and proves it."""

__version__ = "0.1.0"
