"""`open` and a file class through the program `lz4`."""

from bb.compress._pipe import CompressionError, PipeFile, open_through  # noqa: F401


class LZ4File(PipeFile):
    @staticmethod
    def command(decompress, num_threads=1):
        return ["lz4", "-q", "-z" if not decompress else "-d", "-c"]


def open(filename, mode="rb", **options):
    return open_through(LZ4File, filename, mode, **options)
