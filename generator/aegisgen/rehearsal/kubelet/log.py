"""A container's output, bounded: its beginning and its end are kept, whatever it writes."""

from __future__ import annotations

import os
import threading

# A log that fits a report; a migration's own is a few kilobytes.
KEPT = 128 * 1024
_CHUNK = 64 * 1024
# kubelet, `pkg/kubelet/kuberuntime`: MaxContainerTerminationMessageLogLength and ...Lines
_FALLBACK_BYTES, _FALLBACK_LINES = 2048, 80


class Log:
    """Reads a pipe to its end in a thread of its own, so that nobody who writes to it ever waits."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._head = b""
        self._tail = b""
        self.written = 0
        """How many bytes came so far."""
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="log", daemon=True)
        self._thread.start()

    def text(self) -> str:
        """Return what was written so far, the middle left out where it is long."""
        with self._lock:
            head, tail, dropped = self._head, self._tail, self.written - len(self._head) - len(self._tail)
        note = f"\n[{dropped} bytes left out]\n".encode() if dropped else b""
        return (head + note + tail).decode(errors="replace")

    def last(self) -> str:
        """Return the end that stands in for a termination message (terminationMessagePolicy FallbackToLogsOnError)."""
        text = self.text().encode()[-_FALLBACK_BYTES:].decode(errors="replace")
        return "".join(text.splitlines(keepends=True)[-_FALLBACK_LINES:])

    def close(self, patience: float) -> None:
        """Stop reading: at the end, or after `patience` seconds if some process still holds the other side."""
        self._thread.join(patience)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except OSError:
                chunk = b""
            if not chunk:
                break
            self._keep(chunk)
        os.close(self._descriptor)

    def _keep(self, chunk: bytes) -> None:
        with self._lock:
            self.written += len(chunk)
            room = KEPT - len(self._head)
            self._head += chunk[:room]
            self._tail = (self._tail + chunk[room:])[-KEPT:]
