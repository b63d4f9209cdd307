"""Whatever stands in a foreign kustomization.yaml: afterwards what is stated comes out of Kustomize, or the edit is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aegisgen.errors import InputError
from aegisgen.profile.stated import Stated
from aegisgen.record import replace
from aegisgen.render.kustomization import Wiring, wire

BASE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: 'ghcr.io/x/shop:old'}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-config}
data: {HOST: base, KEEP: "1"}
"""
DIGEST = "sha256:" + "b" * 64
WORD = st.sampled_from(["a", "prod", "v1.2.3", "it's", "x: y", "# no", "'q'", '"q"', "1", "null", "true", "ä ö", "a=b"])
NAME = st.sampled_from(["a", "prod", "x1"])

STATED = st.builds(
    Stated,
    namespace=st.sampled_from(["", "live"]),
    name_prefix=st.sampled_from(["", "live-"]),
    name_suffix=st.sampled_from(["", "-x"]),
    image=st.just("ghcr.io/x/shop"),
    tag=st.sampled_from(["", "v1", "1.30", "latest"]),
    digest=st.sampled_from(["", "", DIGEST]),
    workload=st.just("shop"),
    replicas=st.sampled_from([None, 0, 3]),
    config_name=st.just("shop-config"),
    config=st.dictionaries(st.sampled_from(["HOST", "LEVEL"]), WORD, max_size=2),
    base=st.sampled_from(["", "../base"]),
)


def one_of(*texts: str) -> st.SearchStrategy[str]:
    return st.sampled_from(texts)


# What people and tools write; each piece is some top-level keys.
PIECES = [
    one_of("", "namespace: a\n", 'namespace: "a" # ours\n', "namespace:   'a'\n", "namespace: &ns a\n", "namespace:\n"),
    one_of("", "namePrefix: a-\n", "namePrefix: !!str a-\n", "# mine\nnamePrefix: a- # why\n"),
    one_of("", "nameSuffix: -y\n", "nameSuffix: '-y'\n"),
    one_of(
        "",
        "images:\n",
        "images: []\n",
        "images:\n- name: ghcr.io/x/shop\n  newTag: old\n",
        "images:\n  - newTag: old # first\n    name: ghcr.io/x/shop\n\n",
        f"images:\n  - name: ghcr.io/x/shop\n    digest: {DIGEST[:-1]}c\n",
        f"images:\n  - name: ghcr.io/x/shop\n    newTag: old\n    digest: {DIGEST[:-1]}c\n",
        "images: [{name: ghcr.io/x/shop, newTag: old}]\n",
        "images:\n- name: ghcr.io/x/shop\n  newName: mirror/shop\n  newTag: old\n",
        f"images: [{{name: ghcr.io/x/shop, newTag: old, digest: {DIGEST}}}]\n",
        "images:\n- {name: other, newTag: old}\n- {name: ghcr.io/x/shop, newTag: '1'}\n- {name: ghcr.io/x/shop, newTag: '2'}\n",
        "images:\n- name: ghcr.io/x/shop\n  newTag: &tag old\n- name: other\n  newTag: *tag\n",
    ),
    one_of(
        "",
        "replicas:\n- name: shop\n  count: 2\n",
        "replicas:\n  - count: 2\n    name: shop # ours\n",
        "replicas: [{name: shop, count: 2}, {name: shop, count: 5}]\n",
        "replicas: []\n",
    ),
    one_of(
        "",
        "configMapGenerator:\n- name: shop-config\n  behavior: merge\n  literals:\n  - HOST=old\n  # kept\n  - OWN=1\n",
        "configMapGenerator:\n- name: shop-config\n  behavior: merge\n  literals: [HOST=old, 'LEVEL=\"x\"']\n",
        "configMapGenerator: [{name: shop-config, behavior: merge, literals: [OWN=1]}]\n",
        "configMapGenerator:\n- name: shop-config\n  behavior: merge\n  envs: [own.env]\n",
        "configMapGenerator:\n- name: shop-config\n  behavior: merge\n  literals: []\n",
        "configMapGenerator:\n- name: other\n  literals: [HOST=mine]\n",
        "configMapGenerator:\n- name: shop-config\n  behavior: merge\n  literals: [HOST=a]\n"
        "- name: shop-config\n  behavior: merge\n  literals: [HOST=b]\n",
    ),
    one_of("resources: [../base]\n", "resources:\n- ../base\n", "# all of it\nresources:\n  - '../base' # there\n"),
]


@st.composite
def kustomizations(draw: st.DrawFn) -> str:
    pieces = [piece for strategy in PIECES if (piece := draw(strategy))]
    text = "".join(draw(st.permutations(pieces)))
    end = draw(one_of("\n", "\r\n"))
    return draw(one_of("", "# by hand\n", "---\n")).replace("\n", end) + text.replace("\n", end)


def composed(kustomize: tuple[str, ...], root: Path, text: str) -> dict[str, dict] | str:
    (root / "overlay/kustomization.yaml").write_text(text, newline="")
    done = subprocess.run([*kustomize, str(root / "overlay")], capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr
    return {each["kind"]: each for each in yaml.safe_load_all(done.stdout) if "other" not in each["metadata"]["name"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stated")
    for folder in ("base", "overlay"):
        (root / folder).mkdir()
    (root / "base/kustomization.yaml").write_text("resources: [all.yaml]\n")
    (root / "base/all.yaml").write_text(BASE)
    (root / "overlay/own.env").write_text("HOST=file\nFILE=1\n")
    return root


@pytest.mark.tools
@settings(
    max_examples=int(os.environ.get("AEGISGEN_EXAMPLES", "150")),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(text=kustomizations(), stated=STATED)
def test_what_is_stated_comes_out_or_is_refused(root: Path, kustomize, text: str, stated: Stated) -> None:
    if stated.digest:
        stated = replace(stated, tag="")
    try:
        after = wire(text, "kustomization.yaml", Wiring((), ()), stated=stated)
    except InputError as refusal:
        said = str(refusal.problems[-1])
    else:
        said = ""
    if said:
        assert "by hand" in said
        plain = text.replace("\r\n", "\n")
        marks = ("&ns", "&tag", "!!", "newTag: old, digest", "newTag: old\n    digest")
        assert any(mark in plain for mark in marks), said
        return
    assert wire(after, "kustomization.yaml", Wiring((), ()), stated=stated) is after
    comments = [line for line in text.splitlines() if "#" in line]
    assert all(any(comment.partition("#")[2] in line for line in after.splitlines()) for comment in comments)

    found = composed(kustomize, root, after)
    assert isinstance(found, dict), f"{found}\n{after}"
    deployment, config = found["Deployment"], found["ConfigMap"]
    if stated.namespace:
        assert deployment["metadata"]["namespace"] == stated.namespace
    name = deployment["metadata"]["name"]
    assert name.startswith(stated.name_prefix)
    assert name.endswith(stated.name_suffix)
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    if stated.tag or stated.digest:
        assert image.replace("mirror/shop", "ghcr.io/x/shop") == stated.reference
    if stated.replicas is not None:
        assert deployment["spec"]["replicas"] == stated.replicas
    for key, value in stated.config.items():
        assert config["data"][key] == value
    assert config["data"]["KEEP"] == "1"
