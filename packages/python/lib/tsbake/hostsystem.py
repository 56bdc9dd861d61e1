"""
The machine as metadata expects it, inside WebAssembly: the host's environment, uname, ids and processors, and child
processes. The engine starts these for us, synchronously: a child runs when its output or end is asked for.
"""

import contextlib
import io
import os
import shlex
import subprocess
import sys

from tsbake import backend


def install(facts):
    """facts: env, uname (5 texts), pid, uid, gid, cpus, cwd."""
    os.environ.clear()
    os.environ.update(facts["env"])
    uname = os.uname_result(facts["uname"])
    os.uname = lambda: uname
    os.getpid = lambda: facts["pid"]
    os.getuid = os.geteuid = lambda: facts["uid"]
    os.getgid = os.getegid = lambda: facts["gid"]
    os.cpu_count = lambda: facts["cpus"]
    os.sched_getaffinity = lambda pid: set(range(facts["cpus"]))
    # A working folder below /proc or /sys, or one that was removed, does not exist inside.
    with contextlib.suppress(OSError):
        os.chdir(facts["cwd"])
    subprocess.Popen = HostProcess
    subprocess._args_from_interpreter_flags = list
    os.system = lambda command: subprocess.call(command, shell=True)
    sys.executable = "python3"


class HostProcess:
    """subprocess.Popen for children that need no talk while they run."""

    def __init__(
        self,
        args,
        bufsize=-1,
        executable=None,
        stdin=None,
        stdout=None,
        stderr=None,
        preexec_fn=None,
        close_fds=True,
        shell=False,
        cwd=None,
        env=None,
        universal_newlines=None,
        startupinfo=None,
        creationflags=0,
        restore_signals=True,
        start_new_session=False,
        pass_fds=(),
        *,
        user=None,
        group=None,
        extra_groups=None,
        encoding=None,
        errors=None,
        text=None,
        umask=-1,
        pipesize=-1,
        process_group=None,
    ):
        self.args = args
        self.returncode = None
        self.pid = 0
        self._wants = (stdout, stderr)
        self._stdin = stdin
        self._text = bool(text or universal_newlines or encoding or errors)
        self._encoding = (encoding or "utf-8", errors or "strict")
        words = [args] if isinstance(args, (str, bytes, os.PathLike)) else list(args)
        words = [os.fsdecode(word) for word in words]
        if shell:
            words = ["/bin/sh", "-c", *words]
        self._request = {
            "command": executable or words[0],
            "args": words[1:],
            "cwd": os.fspath(cwd) if cwd else os.getcwd(),
            "env": {os.fsdecode(k): os.fsdecode(v) for k, v in (os.environ if env is None else env).items()},
            **({} if umask < 0 else {"umask": umask}),
        }
        self.stdin = io.BytesIO() if stdin == subprocess.PIPE else None
        if self._text and self.stdin is not None:
            self.stdin = io.TextIOWrapper(self.stdin, *self._encoding, write_through=True)
        self.stdout = self.stderr = None
        if stdin != subprocess.PIPE:
            self._run(b"")

    def _run(self, given):
        if self.returncode is not None:
            return
        if not isinstance(self._stdin, (int, type(None))):
            given = self._stdin.read()
            given = given.encode() if isinstance(given, str) else given
        request = dict(self._request, input=given.decode("latin-1"))
        ended = backend.current.spawn(request)
        if ended.get("missing"):
            raise FileNotFoundError(2, "No such file or directory", self._request["command"])
        if ended.get("error"):
            raise OSError(ended["error"])
        self.returncode = ended["code"]
        out, err = ended["stdout"].encode("latin-1"), ended["stderr"].encode("latin-1")
        if self._wants[1] == subprocess.STDOUT:
            out, err = out + err, b""
        self.stdout = self._deliver(self._wants[0], out, sys.stdout)
        self.stderr = self._deliver(
            None if self._wants[1] == subprocess.STDOUT else self._wants[1], err, sys.stderr
        )

    def _deliver(self, wanted, data, inherited):
        if wanted == subprocess.PIPE:
            stream = io.BytesIO(data)
            return io.TextIOWrapper(stream, *self._encoding) if self._text else stream
        if wanted == subprocess.DEVNULL or not data:
            return None
        if wanted is None:
            inherited.write(data.decode("utf-8", "replace"))
        elif isinstance(wanted, int):
            os.write(wanted, data)
        else:
            wanted.write(data.decode("utf-8", "replace") if isinstance(wanted, io.TextIOBase) else data)
        return None

    def communicate(self, input=None, timeout=None):
        given = input if input is not None else (self._written() if self.stdin is not None else b"")
        self._run(given.encode(*self._encoding) if isinstance(given, str) else bytes(given))
        return (self.stdout.read() if self.stdout else None, self.stderr.read() if self.stderr else None)

    def _written(self):
        raw = self.stdin.buffer if self._text else self.stdin
        return raw.getvalue()

    def wait(self, timeout=None):
        self._run(self._written() if self.stdin is not None else b"")
        return self.returncode

    poll = wait

    def kill(self):
        pass

    terminate = kill

    def send_signal(self, number):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.wait()

    def __repr__(self):
        return "<HostProcess %s>" % shlex.join([self._request["command"], *self._request["args"]])
