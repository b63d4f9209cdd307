"""A whole rehearsal: scenarios on as many servers as there are cores."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from aegisgen.rehearsal.compat.stops import stopped_by
from aegisgen.rehearsal.outcome import Rehearsal, ScenarioRun
from aegisgen.rehearsal.processes import become_reaper, children, kill
from aegisgen.rehearsal.scenario.model import Scenario
from aegisgen.rehearsal.scenario.notes import notes_of
from aegisgen.rehearsal.scenario.play import Play
from aegisgen.rehearsal.scenario.setting import Place, Setting
from aegisgen.rehearsal.show.redact import Redaction

_POLL_SECONDS = 0.2


class _State:
    """What the threads of one rehearsal share."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self.todo = iter(scenarios)
        self.done: dict[str, ScenarioRun] = {}
        self.notes: list[str] = []
        self.hidden: set[str] = set()
        self.errors: list[BaseException] = []
        self.playing: set[Play] = set()
        self.stopped = threading.Event()


def rehearse(title: str, scenarios: Sequence[Scenario], setting: Setting, jobs: int) -> Rehearsal:
    """Play the scenarios, `jobs` at once; they come back in their order. Raises whatever is no outcome."""
    become_reaper()
    before = set(children())
    began = time.monotonic()
    state = _State(scenarios)
    threads = [
        threading.Thread(target=_work, args=(f"{number}", setting, state), name=f"player {number}", daemon=True)
        for number in range(max(1, min(jobs, len(scenarios))))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_POLL_SECONDS)  # a wait without an end would not hear Ctrl-C
    finally:
        state.stopped.set()
        for play in list(state.playing):
            play.stop()
        for thread in threads:
            thread.join()
        # What has lost its mark (`env -i`) and its parent: nothing else of this process's runs any more.
        kill([pid for pid in children() if pid not in before])
    if state.errors:
        raise state.errors[0]
    shown = Redaction(state.hidden | {setting.password})
    rehearsal = Rehearsal(
        environment=title,
        postgres=setting.databases.version,
        seconds=time.monotonic() - began,
        scenarios=tuple(state.done[scenario.name] for scenario in scenarios if scenario.name in state.done),
        notes=tuple(dict.fromkeys((*notes_of(setting), *state.notes, *setting.observer.notes, *setting.study.notes))),
        compatibility=setting.study.compatibility,
        filled=setting.study.filled,
        waits=setting.study.waits,
    )
    return shown.record(rehearsal._replace(gates=tuple(stopped_by(setting.gates, rehearsal, setting.study.tables))))


def _work(name: str, setting: Setting, state: _State) -> None:
    """Play one scenario after the other on a server of one's own."""
    try:
        with setting.databases.server(name) as server:
            place = Place(setting.run.folder / f"stage-{name}", server, set())
            for scenario in state.todo:
                if state.stopped.is_set():
                    return
                play = Play(scenario, setting, place)
                state.playing.add(play)
                state.done[scenario.name] = play.run()
                state.playing.discard(play)
                state.notes += play.notes
                state.hidden |= play.hidden
    except BaseException as error:
        state.errors.append(error)
        state.stopped.set()
