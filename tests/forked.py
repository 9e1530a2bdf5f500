"""Processes of the command and its workers, forked from one in which everything is imported.

To start Python and import NumPy and Z3 is most of what a small command costs. A server that has
imported them forks itself for each command and each worker: the process that runs is as new as one
that was started, has the same arguments, folder, variables, files and group, and ends by itself.
What depends on how a process is started is tested on started ones (the mark `started`), and so is
everything where the environment says so (TOKENAUCTION_TESTS_START) or the system is not Linux.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from tokenauction.proofs.processes import child_process

COMMAND: Final = "tokenauction.proofs.cli"
WORKER: Final = "tokenauction.proofs.worker.__main__"
# What is imported once: what most commands and workers import. Nothing of it is of an extra.
_IMPORTED: Final = (
    COMMAND,
    "tokenauction.proofs.command_line.commands",
    "tokenauction.proofs.command_line.outputs",
    WORKER,
    "tokenauction.proofs.worker.compare",
    "tokenauction.proofs.worker.identify",
    "tokenauction.proofs.deciding.explain",
    "tokenauction.proofs.deciding.verifier",
)
# They say how Python starts, so a process that is to have another one is started.
_OF_PYTHON: Final = ("PYTHONPATH", "PYTHONUSERBASE", "PYTHONHOME", "PYTHONWARNINGS")

start: Final = child_process.start
"""How a worker is started where none is forked."""

NEVER: Final = sys.platform != "linux" or bool(os.environ.get("TOKENAUCTION_TESTS_START"))
"""Whether every process is started."""


class Forked:
    """A forked process of a module's `main`, as `subprocess.Popen` shows one."""

    def __init__(
        self,
        address: str,
        module: str,
        arguments: Sequence[str],
        folder: str,
        variables: Mapping[str, str],
        files: Sequence[int],
    ) -> None:
        request = {
            "module": module,
            "arguments": [*arguments],
            "folder": folder,
            "variables": dict(variables),
        }
        self._server = socket.socket(socket.AF_UNIX)
        self._server.connect(address)
        socket.send_fds(self._server, [b"\n"], list(files))
        self._server.sendall(json.dumps(request).encode() + b"\n")
        self.pid = self._number()
        self.returncode: int | None = None
        self.stdin: IO[str] | None = None
        self.stdout: IO[str] | None = None

    def poll(self) -> int | None:
        """The exit status, once there is one."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status; raises TimeoutExpired."""
        if self.returncode is None:
            ready, _, _ = select.select([self._server], [], [], timeout)
            if not ready:
                raise subprocess.TimeoutExpired("a forked process", timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(self._number())
            self._server.close()
        return self.returncode

    def _number(self) -> int:
        """The next line of the server; nothing behind it is read, so that `wait` sees it come."""
        said = b""
        while not said.endswith(b"\n"):
            said += self._server.recv(1) or b"the server has ended\n"
        return int(said)

    def kill(self) -> None:
        """End it."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def worker(address: str) -> Any:
    """A forked worker that waits for its request, as `child_process.start` starts one."""
    if is_other_python(os.environ):
        return start()
    (theirs, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
    variables = {**os.environ, **child_process.VARIABLES}
    forked = Forked(address, WORKER, [], os.getcwd(), variables, [theirs, theirs_out, 2])
    os.close(theirs)
    os.close(theirs_out)
    forked.stdin = os.fdopen(ours_in, "w", encoding="utf-8", errors="replace")
    forked.stdout = os.fdopen(ours_out, "r", encoding="utf-8", errors="replace")
    return forked


def is_other_python(variables: Mapping[str, str]) -> bool:
    """Whether a process with these variables would be another Python than the server's."""
    return any(variables.get(name) != _AT_FIRST.get(name) for name in _OF_PYTHON)


_AT_FIRST: Final = dict(os.environ)


class Server:
    """The process that everything is forked from; it ends when its input does."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.address = str(Path(self._folder.name, "server"))
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, self.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**_AT_FIRST, **child_process.VARIABLES},
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._folder.cleanup()


@functools.cache
def server() -> Server:
    """The server of this process, started when it is needed first."""
    found = Server()
    atexit.register(found.close)
    return found


def begun(
    arguments: Sequence[str],
    folder: Path | None,
    variables: Mapping[str, str],
    files: Sequence[int],
) -> "Forked | subprocess.Popen[bytes]":
    """The command, running, with these files as its standard input, output and errors."""
    if child_process.start is start or is_other_python(variables):
        stdin, stdout, stderr = files
        return subprocess.Popen(
            [sys.executable, "-m", COMMAND, *arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=dict(variables),
        )
    place = str(folder or Path.cwd())
    return Forked(server().address, COMMAND, arguments, place, variables, files)


def run_command(
    *arguments: str, folder: Path | None = None, **variables: str
) -> "subprocess.CompletedProcess[str]":
    """Run `tokenauction` to its end, with its output captured."""
    environ = {**os.environ, "COLUMNS": "100", **variables}
    with (
        open(os.devnull) as nothing,
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        files = [file.fileno() for file in (nothing, output, errors)]
        process = begun(arguments, folder, environ, files)
        try:
            status = process.wait(timeout=100)
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        return subprocess.CompletedProcess([*arguments], status, output.read(), errors.read())


# The server's side --------------------------------------------------------------------------------


def _serve(address: str) -> Callable[[], object]:
    """Fork a process for each request; returns in each of them what it has to do."""
    for name in _IMPORTED:
        importlib.import_module(name)
    child_process.start = functools.partial(worker, address)
    gc.collect()
    gc.freeze()
    ended, wake = socket.socketpair()
    wake.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    print("listening", flush=True)
    running: dict[int, socket.socket] = {}
    while True:
        waited: list[Any] = [listening, ended, 0]
        ready, _, _ = select.select(waited, [], [])
        if 0 in ready:
            os._exit(0)
        if ended in ready:
            ended.recv(4096)
            _tell(running)
        if listening in ready:
            connection, _ = listening.accept()
            _, files, _, _ = socket.recv_fds(connection, 1, 3)
            with connection.makefile("r") as asked:
                request = json.loads(asked.readline())
            process = os.fork()
            if not process:
                for one in (listening, ended, wake, connection, *running.values()):
                    one.close()
                return _become(request, files)
            for file in files:
                os.close(file)
            connection.sendall(f"{process}\n".encode())
            running[process] = connection


def _tell(running: dict[int, socket.socket]) -> None:
    """Tell of every process that has ended, to whoever asked for it."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            process, status = ended
            with running.pop(process) as connection, suppress(OSError):
                connection.sendall(f"{status}\n".encode())


def _become(request: Mapping[str, Any], files: Sequence[int]) -> Callable[[], object]:
    """Be the process that was asked for, up to its first line, which is returned."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if request["module"] == WORKER:  # the leader of a group, as it is where it is started
        os.setsid()
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["variables"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    module: Any = sys.modules[request["module"]]
    sys.argv = [str(module.__file__), *request["arguments"]]
    if request["module"] == COMMAND:
        sys.path.insert(0, request["folder"])
    main: Callable[[], object] = module.main
    return main


if __name__ == "__main__":
    _serve(sys.argv[1])()
