"""`open` through the program `zstd`."""
from bb.compress._pipe import open_through


def open(*args, **kwargs):
    return open_through("zstd", *args, **kwargs)
