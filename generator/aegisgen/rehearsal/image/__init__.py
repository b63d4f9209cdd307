"""What stands in for container images: folders and programs of this machine."""
