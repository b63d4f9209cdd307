"""Kubernetes objects, their schemas, and the tools that compose and check them."""
