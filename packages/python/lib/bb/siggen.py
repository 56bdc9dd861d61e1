"""Signatures as metadata sees them: the generator itself is the engine's."""
import bb
from tsbake import backend


class SignatureAccess:
    """bb.parse.siggen."""

    def report_unihash(self, path, task, d):
        """Tells the hash-equivalence service what `task` made in `path`."""
        backend.current.report_unihash({"path": path, "task": task})

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        bb.fatal("bb.parse.siggen.%s is the engine's and cannot be called from metadata here" % name)


class SignatureGenerator:
    """Base of the classes that metadata may derive from; signing itself is the engine's, which has its own handlers."""

    name = "noop"

    def __init__(self, data):
        self.data = data


class SignatureGeneratorBasic(SignatureGenerator):
    name = "basic"


class SignatureGeneratorBasicHash(SignatureGeneratorBasic):
    name = "basichash"


class SignatureGeneratorUniHashMixIn:
    pass
