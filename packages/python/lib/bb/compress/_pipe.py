"""A file object that reads or writes through a compression program."""

import builtins
import io
import os
import subprocess


class CompressionError(OSError):
    """The program did not end well: what was read is not all, or what was written is not whole."""


class PipeFile(io.RawIOBase):
    """Modes r, rb, w and wb. `fileobj` stands in for a name, and is closed with this."""

    def __init__(self, filename=None, mode="rb", *, stderr=None, fileobj=None, **options):
        if mode not in ("r", "rb", "w", "wb"):
            raise ValueError("a compressed file cannot be opened with the mode %r" % mode)
        self._writing = mode[0] == "w"
        self._file = builtins.open(filename, mode[0] + "b") if fileobj is None else fileobj
        self._ended = False
        command = self.command(not self._writing, **options)
        inner, pipe = self._descriptor()
        if self._writing:
            self._child = subprocess.Popen(command, stdin=pipe, stdout=inner, stderr=stderr)
            self._pipe = self._child.stdin
        else:
            self._child = subprocess.Popen(command, stdin=inner, stdout=pipe, stderr=stderr)
            self._pipe = self._child.stdout
        if inner is pipe:
            self._child_of_memory()

    @staticmethod
    def command(decompress, **options):
        raise NotImplementedError

    def _descriptor(self):
        """What the program gets in place of the file, and the pipe to us; twice a pipe for a file of memory only."""
        try:
            number = self._file.fileno()
        except (AttributeError, OSError):
            return subprocess.PIPE, subprocess.PIPE
        if self._writing:
            self._file.flush()
        elif self._file.seekable():
            # Python may have read ahead of what it has given away.
            os.lseek(number, self._file.tell(), os.SEEK_SET)
        return self._file, subprocess.PIPE

    def _child_of_memory(self):
        if self._writing:
            self._pipe = io.BytesIO()
        else:
            self._pipe = io.BytesIO(self._child.communicate(self._file.read())[0])

    def readable(self):
        return not self._writing

    def writable(self):
        return self._writing

    def fileno(self):
        return self._pipe.fileno()

    def _check(self):
        self._ended = True
        if self._child.wait():
            raise CompressionError("the compression program ended with %d" % self._child.returncode)

    def readinto(self, buffer):
        if self._writing:
            raise io.UnsupportedOperation("read")
        size = self._pipe.readinto(buffer)
        # The end of the output is the end of the data only when the program says so.
        if not size and len(buffer) and not self._ended:
            self._check()
        return size

    def write(self, data):
        if not self._writing:
            raise io.UnsupportedOperation("write")
        return self._pipe.write(data)

    def flush(self):
        super().flush()
        if self._writing and not self._pipe.closed:
            self._pipe.flush()

    def close(self):
        if self.closed:
            return
        try:
            if not self._writing:
                self._pipe.close()
                # Who reads no further needs no more of it, and what it waits for may never come.
                if not self._ended:
                    self._child.kill()
                self._child.wait()
            elif isinstance(self._pipe, io.BytesIO) and self._pipe is not self._child.stdin:
                self._file.write(self._child.communicate(self._pipe.getvalue())[0])
                self._check()
            else:
                # Closes the program's input, too.
                self._child.communicate()
                self._check()
        finally:
            super().close()
            self._file.close()


def open_through(kind, filename, mode="rb", *, encoding=None, errors=None, newline=None, **options):
    """A file by its name, or a file object; in text mode (rt, wt) with an encoding."""
    is_text = "t" in mode
    if is_text and "b" in mode:
        raise ValueError("a file is either text or bytes, and the mode is %r" % mode)
    if not is_text and (encoding, errors, newline) != (None, None, None):
        raise ValueError("encoding, errors and newline are for text: the mode is %r" % mode)
    if isinstance(filename, (str, bytes, os.PathLike, int)):
        raw = kind(filename, mode.replace("t", ""), **options)
    elif hasattr(filename, "read") or hasattr(filename, "write"):
        raw = kind(None, mode.replace("t", ""), fileobj=filename, **options)
    else:
        raise TypeError("neither the name of a file nor a file object: %r" % (filename,))
    if not is_text:
        return io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)
    return io.TextIOWrapper(
        io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw), encoding, errors, newline
    )
