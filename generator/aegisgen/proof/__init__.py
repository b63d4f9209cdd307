"""Files and overlays in, findings out: schemas, Kustomize and the rules, each doing its own job."""
