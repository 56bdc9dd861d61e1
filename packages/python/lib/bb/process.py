"""Child processes with errors that tell the command and its output."""

import shlex
import subprocess
from tsbake import absent


class CmdError(RuntimeError):
    def __init__(self, command, msg=None):
        self.command, self.msg = command, msg
        super().__init__(command, msg)

    def __str__(self):
        shown = self.command if isinstance(self.command, str) else shlex.join(self.command)
        return "Execution of '%s' failed%s" % (shown, ": %s" % self.msg if self.msg else "")


class NotFoundError(CmdError):
    def __str__(self):
        return super().__str__() + ": command not found"


class ExecutionError(CmdError):
    def __init__(self, command, exitcode, stdout=None, stderr=None):
        super().__init__(command)
        self.exitcode, self.stdout, self.stderr = exitcode, stdout, stderr
        self.extra_message = None

    def __str__(self):
        output = (self.stderr or "") + (self.stdout or "")
        shown = "%s with exit code %s" % (super().__str__(), self.exitcode)
        return shown + (":\n" + output if output else "") + (self.extra_message or "")


def Popen(*args, **kwargs):
    """subprocess.Popen with pipes everywhere unless asked otherwise."""
    for stream in ("stdin", "stdout", "stderr"):
        kwargs.setdefault(stream, subprocess.PIPE)
    return subprocess.Popen(*args, **kwargs)


def run(cmd, input=None, log=None, extrafiles=None, **options):
    """
    Runs a command (a text goes through the shell) and returns (stdout, stderr) as text.
    Raises NotFoundError, CmdError or ExecutionError. `log` is a file-like object that gets the output too.
    """
    options.setdefault("shell", isinstance(cmd, str))
    try:
        child = Popen(cmd, **options)
        out, err = child.communicate(input.encode() if isinstance(input, str) else input)
    except FileNotFoundError as problem:
        raise NotFoundError(cmd) from problem
    except OSError as problem:
        raise CmdError(cmd, problem) from problem
    out, err = (one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in (out, err))
    if log:
        log.write((out or "") + (err or ""))
    if child.returncode:
        if log:
            raise ExecutionError(cmd, child.returncode)
        raise ExecutionError(cmd, child.returncode, out, err)
    return out, err


__getattr__ = absent.names(__name__)
