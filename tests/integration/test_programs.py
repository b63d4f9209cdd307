"""What tests need is here; where it is not, this says so once for each program."""

from __future__ import annotations

import pytest
from tests.tools import INSTALL, need


@pytest.mark.tools
# chromium goes under several names, and its two tests ask for it.
@pytest.mark.parametrize("program", sorted(INSTALL.keys() - {"chromium"}))
def test_the_program_is_here(program: str) -> None:
    assert need(program)
