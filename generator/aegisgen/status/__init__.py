"""What a live cluster says of a migration, and what to do next. Everything but `kube/kubectl.py` is pure."""
