"""The schemas that editors read say what the types say."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from tests.conftest import ROOT

FILES: dict[str, list[str]] = {
    "project": ["aegisgen.yaml"],
    "services": [],
    "profile": ["profiles/staging.yaml", "profiles/production.yaml"],
}


@pytest.mark.parametrize("kind", FILES)
def test_the_file_is_what_the_command_prints(cli, kind) -> None:
    kept = (ROOT / "schemas/aegisgen" / f"{kind}.json").read_text()
    assert cli("schema", kind).out == kept, f"run: aegisgen schema {kind} > schemas/aegisgen/{kind}.json"


@pytest.mark.parametrize("kind", FILES)
def test_it_accepts_the_aegisx_tree_whose_modelines_name_it(kind) -> None:
    schema = json.loads((ROOT / "schemas/aegisgen" / f"{kind}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in FILES[kind]:
        file = ROOT / "argocd" / name
        modeline = file.read_text().splitlines()[0].partition("$schema=")[2]
        assert (file.parent / modeline).resolve() == ROOT / "schemas/aegisgen" / f"{kind}.json"
        jsonschema.Draft202012Validator(schema).validate(yaml.safe_load(file.read_text()))
