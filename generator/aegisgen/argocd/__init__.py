"""What Argo CD does with hooks, phases and waves."""
