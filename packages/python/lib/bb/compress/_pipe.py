"""A file object that reads or writes through a compression program; needs the host's Python."""
import io
import subprocess


class _Through(io.RawIOBase):
    def __init__(self, program, path, writing, threads):
        options = ["-T%d" % threads] if threads and program == "zstd" else []
        self._writing = writing
        self._file = io.FileIO(path, "w" if writing else "r")
        pipes = {"stdin": subprocess.PIPE, "stdout": self._file} if writing else \
            {"stdin": self._file, "stdout": subprocess.PIPE}
        self._child = subprocess.Popen([program, *([] if writing else ["-d"]), *options, "-c"], **pipes)
        self._pipe = self._child.stdin if writing else self._child.stdout

    def readable(self):
        return not self._writing

    def writable(self):
        return self._writing

    def readinto(self, buffer):
        return self._pipe.readinto(buffer)

    def write(self, data):
        return self._pipe.write(data)

    def close(self):
        if self.closed:
            return
        super().close()
        self._pipe.close()
        self._file.close()
        if self._child.wait() and self._writing:
            raise OSError("the compression program ended with %d" % self._child.returncode)


def open_through(program, filename, mode="rb", *, num_threads=0, encoding="utf-8", **ignored):
    """Modes: r, w, rb, wb, rt, wt."""
    raw = _Through(program, filename, "w" in mode, num_threads)
    stream = io.BufferedWriter(raw) if "w" in mode else io.BufferedReader(raw)
    return stream if "b" in mode else io.TextIOWrapper(stream, encoding)
