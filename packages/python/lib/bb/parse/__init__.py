"""What metadata asks of the parser."""

import errno
import os

import bb.utils
from bb.siggen import SignatureAccess
from tsbake import absent, backend


class ParseError(Exception):
    """A mistake in a metadata file; `lineno` 0 means the whole file."""

    def __init__(self, msg, filename, lineno=0):
        self.msg, self.filename, self.lineno = msg, filename, lineno
        super().__init__(msg, filename, lineno)

    def __str__(self):
        place = "%s:%d" % (self.filename, self.lineno) if self.lineno else self.filename
        return "ParseError at %s: %s" % (place, self.msg)


class SkipRecipe(Exception):
    """Raised by metadata: this recipe is not for this configuration."""


SkipPackage = SkipRecipe

# The signature generator as tasks see it.
siggen = SignatureAccess()


def mark_dependency(d, f):
    """The parse of this recipe depends on the file `f`, whether it exists or not."""
    if f.startswith("./"):
        f = os.path.join(os.getcwd(), f[2:])
    backend.current.depend(f)


def resolve_file(fn, d):
    """The absolute path of a file along BBPATH; every place that was tried becomes a dependency."""
    if os.path.isabs(fn):
        mark_dependency(d, fn)
    else:
        path = d.getVar("BBPATH")
        found, tried = bb.utils.which(path, fn, history=True)
        for place in tried:
            mark_dependency(d, place)
        if not found:
            raise OSError(errno.ENOENT, "file %s not found in %s" % (fn, path))
        fn = found
    if not os.path.isfile(fn):
        raise OSError(errno.ENOENT, "file %s not found" % fn)
    return fn


def vars_from_file(mypkg, d):
    """[PN, PV, PR] of `pn_pv_pr.bb`, None for what the name does not have."""
    if not mypkg or not mypkg.endswith((".bb", ".bbappend")):
        return (None, None, None)
    parts = os.path.splitext(os.path.basename(mypkg))[0].split("_")
    if len(parts) > 3:
        raise ParseError(
            "more than two underscores in the name of a recipe: no PN, PV and PR can be told", mypkg
        )
    return parts + [None] * (3 - len(parts))


def get_file_depends(d):
    """Paths of all files that the parse read, separated by spaces."""
    known = [*(d.getVar("__base_depends", False) or ()), *(d.getVar("__depends", False) or ())]
    return " ".join(os.path.abspath(one if isinstance(one, str) else one[0]) for one in known)


def _noting(attribute, names):
    def mark(function):
        setattr(function, attribute, getattr(function, attribute, set()) | set(names))
        return function

    return mark


def vardeps(*varnames):
    """Decorator: signatures of what calls this function depend on these variables."""
    return _noting("bb_vardeps", varnames)


def vardepsexclude(*varnames):
    """Decorator: they do not depend on these, although the function reads them."""
    return _noting("bb_vardepsexclude", varnames)


__getattr__ = absent.names(__name__)
