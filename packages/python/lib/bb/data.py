"""Functions over `d` that are older than its methods."""
import bb
import bb.utils


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


def inherits_class(klass, d):
    """Whether the class is inherited, by the base configuration or the recipe."""
    return any(path.endswith("/" + klass + ".bbclass") for path in d.getVar("__inherit_cache", False) or ())


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
