"""
The `bb` module that metadata imports: BitBake's names and behaviour, none of its code. What the engine does itself
(cooking, scheduling, fetching, signatures) is not here; a name that is missing is an AttributeError that says so.
"""

import builtins
import importlib
import os
import sys

from tsbake import backend

# Metadata and its libraries use these without importing them.
builtins.bb = sys.modules[__name__]
builtins.os = os

# Metadata compares this with the version it needs.
__version__ = "2.19.0"

_PARTS = frozenset(
    "build compress cooker cookerdata data data_smart event fetch2 filter msg parse process progress providers runqueue "
    "siggen tinfoil utils".split()
)


class BBHandledException(Exception):
    """An error that has been told already; whoever catches it says no more."""


def __getattr__(name):
    if name == "fetch":
        name = "fetch2"
    if name in _PARTS:
        return importlib.import_module("bb." + name)
    if name == "multiprocessing":
        return _forking()
    raise AttributeError("tsbake's bb module has no '%s'" % name)


def _forking():
    """multiprocessing that forks, so that children have the functions of metadata; where nothing can, the plain one."""
    import multiprocessing

    try:
        return multiprocessing.get_context("fork")
    except ValueError:
        return multiprocessing


def _text(arguments):
    return "".join(str(one) for one in arguments)


def plain(*args):
    backend.message("plain", _text(args))


def debug(lvl, *args):
    """`lvl` 1 to 3; told apart by nothing here. A text as first argument is a mistake of the caller that is forgiven."""
    backend.message("debug", _text(args if isinstance(lvl, int) else (lvl, *args)))


def note(*args):
    backend.message("note", _text(args))


verbnote = note


def warn(*args):
    backend.message("warning", _text(args))


def error(*args, forcelog=False):
    backend.message("error", _text(args))


def fatal(*args, forcelog=False):
    """Tells the error and stops whatever runs."""
    backend.message("error", _text(args))
    raise BBHandledException(_text(args))


_told = set()


def _once(level, arguments):
    text = _text(arguments)
    if (level, text) not in _told:
        _told.add((level, text))
        backend.message(level, text)


def warnonce(*args):
    _once("warning", args)


def erroronce(*args):
    _once("error", args)


import logging as _logging  # noqa: E402  (after the functions that the handler calls)


class _Records(_logging.Handler):
    """Loggers named BitBake or below speak through the same door as bb.note and friends."""

    def emit(self, record):
        level = "error" if record.levelno >= 40 else "warning" if record.levelno >= 30 else "note"
        backend.message(level if record.levelno >= 20 else "debug", self.format(record))


_logger = _logging.getLogger("BitBake")
if not _logger.handlers:
    _logger.addHandler(_Records())
    _logger.setLevel(_logging.INFO)
    _logger.propagate = False
