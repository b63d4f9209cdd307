"""What the kubelet does with a pod, done with local processes."""
