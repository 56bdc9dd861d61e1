"""Functions over `d` that are older than its methods."""

import re
import sys

import bb
import bb.data_smart
import bb.utils
from tsbake import absent


def init():
    """An empty datastore; inline Python in it sees what that of recipes does."""
    return bb.data_smart.DataSmart()


def init_db(parent=None):
    return init() if parent is None else parent.createCopy()


def createCopy(source):
    return source.createCopy()


def initVar(var, d):
    d.initVar(var)


def keys(d):
    return d.keys()


def expand(s, d, varname=None):
    return d.expand(s, varname)


def expandKeys(alterdata, readdata=None):
    alterdata._do("expandKeys")


def getVar(var, d, expand=True):
    return d.getVar(var, expand)


def setVar(var, value, d):
    d.setVar(var, value)


def update_data(d):
    """Overrides are always up to date here."""


def _is(d, name, flag):
    return bb.utils.to_boolean(d.getVarFlag(name, flag))


def emit_var(var, o=sys.__stdout__, d=None, all=False):
    """
    Writes a variable or a shell function as a shell reads it: what is not exported only with `all`. Returns whether it was
    a function.
    """
    is_function = bool(d.getVarFlag(var, "func", False))
    if is_function and d.getVarFlag(var, "python", False):
        return False
    exported, unexported = _is(d, var, "export"), _is(d, var, "unexport")
    if not (all or exported or unexported or is_function):
        return False
    # No shell has a variable of such a name.
    if not all and re.search(r"[-.{}+]", var):
        return False
    name = d.expand(var)
    if unexported:
        o.write("unset %s\n" % name)
        return False
    value = d.getVar(var)
    if value is None:
        return False
    value = str(value)
    if is_function:
        o.write("%s() {\n%s\n}\n" % (name, value.rstrip("\n")))
        return True
    for special, written in (('"', '\\"'), ("`", "\\`"), ("\n", " \\\n"), ("$", "\\$")):
        value = value.replace(special, written)
    o.write('%s%s="%s"\n' % ("export " if exported else "", name, value))
    return False


def emit_env(o=sys.__stdout__, d=None, all=False):
    """Variables, then functions, each by name."""
    names = sorted(name for name in d.keys() if not name.startswith("__"))
    functions = [name for name in names if d.getVarFlag(name, "func", False)]
    others = [name for name in names if not d.getVarFlag(name, "func", False)]
    for name in others + functions:
        if emit_var(name, o, d, all and name in others):
            o.write("\n")


def emit_func(func, o=sys.__stdout__, d=None):
    """Writes what a shell needs to run the function: exported variables, the function, and all that it calls."""
    for name in sorted(exported_keys(d)):
        emit_var(name, o, d)
    o.write("\n")
    for name in d._do("shellFunctions", func).split("\n"):
        if emit_var(name, o, d):
            o.write("\n")


def inherits_class(klass, d):
    """Whether the class is inherited, by the base configuration or the recipe."""
    return any(path.endswith("/" + klass + ".bbclass") for path in d.getVar("__inherit_cache", False) or ())


def has_flags(name, d):
    """Whether the variable has flags, internal ones left out."""
    return bool(d.getVarFlags(name))


def exported_keys(d):
    """Names whose `export` flag is set and whose `unexport` flag is not; names with `__` in front never."""
    for key in d.keys():
        if key.startswith("__") or not bb.utils.to_boolean(d.getVarFlag(key, "export")):
            continue
        if not bb.utils.to_boolean(d.getVarFlag(key, "unexport")):
            yield key


def exported_vars(d):
    for key in list(exported_keys(d)):
        try:
            value = d.getVar(key)
        except Exception as problem:
            bb.warn("%s: cannot export ${%s}: %s" % (d.getVar("FILE"), key, problem))
            continue
        if value is not None:
            yield key, str(value)


__getattr__ = absent.names(__name__)
