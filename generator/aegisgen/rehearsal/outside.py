"""Why something of a rehearsal cannot be played here."""

from __future__ import annotations


class NotRehearsedError(Exception):
    """A step's program is missing, or the stage cannot play it. The message is for people, in one line."""


class DoesNotApplyError(Exception):
    """The overlay does not have what a scenario is about. The message is for people, in one line."""
