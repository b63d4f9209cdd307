"""What tests need is here; where it is not, this says so once for each program."""

from __future__ import annotations

import pytest
from tests.tools import INSTALL, OPTIONAL, need


@pytest.mark.tools
@pytest.mark.parametrize("program", sorted(INSTALL.keys() - OPTIONAL))
def test_the_program_is_here(program: str) -> None:
    assert need(program)
