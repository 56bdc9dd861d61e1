"""`open` and a file class through the program `zstd`."""

from bb.compress._pipe import CompressionError, PipeFile, open_through  # noqa: F401


class ZstdFile(PipeFile):
    @staticmethod
    def command(decompress, num_threads=1):
        threads = ["-T%d" % num_threads] if num_threads != 1 else []
        return ["zstd", "-q", "-c", *(["-d"] if decompress else threads)]


def open(filename, mode="rb", **options):
    return open_through(ZstdFile, filename, mode, **options)
