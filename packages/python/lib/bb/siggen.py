"""Signatures as metadata sees them: the generator itself is the engine's."""

import importlib
import os

import bb
from tsbake import absent, backend


class SignatureAccess:
    """bb.parse.siggen."""

    def report_unihash(self, path, task, d):
        """Tells the hash-equivalence service what `task` made in `path`; BB_UNIHASH is then what that is equivalent to."""
        method = d.getVar("SSTATE_HASHEQUIV_METHOD") or "sstate_output_hash"
        name = "depsig.do_%s" % task
        with open(os.path.join(d.getVar("T"), "%s.%d" % (name, os.getpid())), "w+b") as sigfile:
            if "." in method:
                module, name_in_module = method.rsplit(".", 1)
                function = getattr(importlib.import_module(module), name_in_module)
            else:
                function = bb.utils.get_context()[method]
            outhash = function(path, sigfile, task, d)
        link = os.path.join(d.getVar("T"), name)
        bb.utils.remove(link)
        os.symlink("%s.%d" % (name, os.getpid()), link)
        unihash = backend.current.report_unihash({"task": task, "method": method, "outhash": outhash})
        if unihash:
            d.setVar("BB_UNIHASH", unihash)

    def __getattr__(self, name):
        # Metadata asks with hasattr for what only some generators have.
        raise AttributeError(
            "bb.parse.siggen.%s is the engine's and cannot be called from metadata here" % name
        )


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


__getattr__ = absent.names(__name__)
