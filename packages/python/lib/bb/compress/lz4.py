"""`open` through the program `lz4`."""
from bb.compress._pipe import open_through


def open(*args, **kwargs):
    return open_through("lz4", *args, **kwargs)
