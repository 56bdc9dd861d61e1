"""The rarer tools of bb.utils: loggers, plugins, locks between threads, and what the system does with a process."""

import contextlib
import hashlib
import importlib.util
import logging
import os
import signal
import zipfile


class LogCatcher(logging.Handler):
    """Keeps the texts that pass a logger."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.messages = []

    def emit(self, record):
        self.messages.append(self.format(record))

    def contains(self, message):
        return message in self.messages


def goh1_file(filename):
    """The `h1` checksum of Go, in hex: of a module's zip archive, or of its go.mod."""
    if zipfile.is_zipfile(filename):
        with zipfile.ZipFile(filename) as archive:
            found = [(name, archive.read(name)) for name in archive.namelist()]
    else:
        with open(filename, "rb") as file:
            found = [("go.mod", file.read())]
    lines = ["%s  %s\n" % (hashlib.sha256(data).hexdigest(), name) for name, data in sorted(found)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def build_environment(d):
    """Puts the exported variables into os.environ."""
    for name in d.keys():
        if d.getVarFlag(name, "export", False):
            os.environ[name] = d.getVar(name) or ""


def get_collection_res(d):
    """{collection: its BBFILE_PATTERN}"""
    return {
        name: d.getVar("BBFILE_PATTERN_" + name) or ""
        for name in (d.getVar("BBFILE_COLLECTIONS") or "").split()
    }


def load_plugins(logger, plugins, pluginpath):
    """Imports each .py file of a folder and collects them, or what their `plugin_init` makes of the list."""
    for name in sorted(os.listdir(pluginpath)):
        stem, ending = os.path.splitext(name)
        if ending != ".py" or stem == "__init__":
            continue
        logger.debug("loading plugin %s", stem)
        spec = importlib.util.spec_from_file_location(stem, os.path.join(pluginpath, name))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        made = module.plugin_init(plugins) if hasattr(module, "plugin_init") else None
        plugins.append(made or module)


@contextlib.contextmanager
def lock_timeout(lock):
    """Holds a lock between threads; one that nobody lets go within five minutes is an error, not a hang."""
    if not lock.acquire(timeout=5 * 60):
        raise RuntimeError("a lock was not let go within five minutes")
    try:
        yield True
    finally:
        lock.release()


class PrCtlError(Exception):
    """The system refused."""


def _prctl(option, value):
    try:
        import ctypes

        refused = ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    except (ImportError, AttributeError, OSError) as problem:
        raise PrCtlError("the system's prctl cannot be called here") from problem
    if refused:
        raise PrCtlError("prctl(%d) failed: %s" % (option, os.strerror(ctypes.get_errno())))


def signal_on_parent_exit(signame):
    """A signal, by its name, for when the process ends that started this one."""
    _prctl(1, getattr(signal, signame))


def set_process_name(name):
    """For `ps` and `top`; where it cannot be set, it is not."""
    with contextlib.suppress(PrCtlError):
        _prctl(15, name.encode())
