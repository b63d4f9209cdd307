"""The stage of one scenario: what its pods find, put together from the scenario's folder, server and application."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aegisgen.rehearsal.database.address import readdress
from aegisgen.rehearsal.kubelet.environment import environment, expand
from aegisgen.rehearsal.kubelet.landlock import Fence
from aegisgen.rehearsal.kubelet.paths import rewriting
from aegisgen.rehearsal.kubelet.process import Launch
from aegisgen.rehearsal.kubelet.volumes import mounts_of
from aegisgen.rehearsal.outside import NotRehearsedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aegisgen.rehearsal.clock import Clock
    from aegisgen.rehearsal.cluster.objects import Objects
    from aegisgen.rehearsal.database.address import Names
    from aegisgen.rehearsal.image.images import Image, Images
    from aegisgen.rehearsal.image.sink import Sink
    from aegisgen.rehearsal.kubelet.pod import Attempt, Pod
    from aegisgen.rehearsal.kubelet.spec import Container
    from aegisgen.rehearsal.server import Login, Server

_COPY_PORT = "COPY_PORT"
"""The variable by which aegisgen's dry run lets itself be told where its own PostgreSQL listens."""


class Stage:
    """Where one scenario plays; a `Node` for its pods."""

    def __init__(
        self,
        *,
        folder: Path,
        mark: str,
        clock: Clock,
        objects: Objects,
        images: Images,
        app_path: str,
        login: Login,
        names: Names,
        sink: Sink,
        system: Mapping[str, str],
        extra: Mapping[str, str],
        copies: Callable[[str], AbstractContextManager[Server]],
        said: Callable[[Pod], None],
        network: bool,
        patience: float,
        restarts: int,
    ) -> None:
        """Set it up.

        `app_path`: where the application's image has it. `system`: variables of every image; `extra`: variables that
        go before all others. `copies` runs a server without passwords. `said` hears of each pod's changes.
        """
        self.clock = clock
        self.objects = objects
        self.patience = patience
        self.restarts = restarts
        self.login = login
        """Where containers find the database; a scenario may change it."""
        self.limited: Callable[[Container, Pod], bool] = lambda *_: False
        """Whether a container finds its target full."""
        self.errors: list[Exception] = []
        self._folder = folder
        self._mark = mark
        self._images = images
        self._app_path = app_path
        self._names = names
        self._sink = sink
        self._system_env = system
        self._extra = extra
        self._copies = copies
        self._said = said
        self._network = network
        self._lock = threading.Lock()
        self._stop: Callable[[], None] = lambda: None
        for each in ("home", "tmp"):
            (folder / each).mkdir(parents=True, exist_ok=True)

    def on_trouble(self, stop: Callable[[], None]) -> None:
        """Say what ends the scenario when something cannot be played."""
        self._stop = stop

    def folder(self, pod: str) -> Path:
        """Return a folder of the pod's own."""
        place = self._folder / "pods" / pod
        place.mkdir(parents=True, exist_ok=True)
        return place

    def launch(self, attempt: Attempt) -> Launch:
        """Say how a container is started. Raises MissingError, NotRehearsedError."""
        container, facts = attempt.container, attempt.pod.facts
        found = environment(container, facts, self.objects)
        image = self._images.of(container.image)
        if not container.command:
            raise NotRehearsedError(f"container {container.name} has no command: nobody here knows its image's own")
        values = readdress(found, self.login, self._names, attempt.sidecar_port)
        message = self.folder(facts.name) / f"{container.name}.message"
        paths = {**mounts_of(container, attempt.volumes), container.termination_message_path: str(message)}
        if self._app_path:
            paths[self._app_path] = str(image.folder)
        local = rewriting(paths)

        def rewrite(text: str) -> str:
            return self._sink.redirect(local(text))

        env = {**self._system(facts.name, image), **{name: rewrite(text) for name, text in values.items()}}
        if attempt.sidecar_port:
            env[_COPY_PORT] = str(attempt.sidecar_port)
        env |= self._extra
        return Launch(
            command=tuple(rewrite(expand(word, values)) for word in (*container.command, *container.args)),
            env=env,
            folder=self._start_folder(container, image),
            message=message,
            mark=f"{self._mark}/{facts.name}/{container.name}/{attempt.number}",
            fence=Fence((self._folder,), None if self._network else self._ports(attempt)),
            largest_file=1 if self.limited(container, attempt.pod) else None,
        )

    @contextmanager
    def sidecar(self, container: Container, pod: str) -> Iterator[int]:
        """Run a PostgreSQL of the pod's own; return its port. Raises NotRehearsedError for other sidecars."""
        if not self._images.of(container.image).postgres or container.command:
            raise NotRehearsedError(
                f"sidecar {container.name}: only a PostgreSQL with its image's own command is played"
            )
        with self._copies(f"{self._folder.name}-{pod}-{container.name}") as server:
            yield server.superuser.port

    def changed(self, pod: Pod) -> None:
        """Hear that a pod's state is another."""
        self._said(pod)

    def trouble(self, error: Exception) -> None:
        """Hear that something cannot be played; the scenario ends."""
        with self._lock:
            self.errors.append(error)
        threading.Thread(target=self._stop, name="trouble", daemon=True).start()

    def _system(self, pod: str, image: Image) -> dict[str, str]:
        """What every container's environment has without the manifest: the image's variables, and the host's name."""
        return {
            "PATH": os.pathsep.join(map(str, image.path)),
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "LANG": "C.UTF-8",
            "HOSTNAME": pod,
            **self._system_env,
        }

    def _start_folder(self, container: Container, image: Image) -> Path:
        """The image's own, or what `workingDir` means: the longest end of it that the image's folder has."""
        parts = [part for part in container.working_dir.split("/") if part]
        for first in range(len(parts)):
            place = image.folder.joinpath(*parts[first:])
            if place.is_dir():
                return place
        return image.folder

    def _ports(self, attempt: Attempt) -> tuple[int, ...]:
        own = (attempt.sidecar_port,) if attempt.sidecar_port else ()
        return (self.login.port, self._sink.port, *own)
