"""`d`: a view of the engine's datastore, whose rules are all on the other side; here only types and errors change."""

import sys
from collections.abc import MutableMapping

import bb
from tsbake import absent, backend


class ExpansionError(Exception):
    """A value that could not be expanded; `varlist` is the chain of variables that led there."""

    def __init__(self, varname, expression, exception=None, *, detail=None):
        self.variablename = varname
        self.expression = expression
        self.exception = exception
        self.varlist = [varname or expression or ""]
        if detail is None:
            subject = "variable %s" % varname if varname else "expression %s" % expression
            detail = "Failure expanding %s: %s: %s" % (subject, type(exception).__name__, exception)
        self.msg = detail
        super().__init__(detail)

    def addVar(self, varname):
        if varname:
            self.varlist.append(varname)

    def __str__(self):
        return self.msg


_PLAIN = frozenset((str, int, float, bool, type(None)))


class DataSmart(MutableMapping):
    """Methods are BitBake's (lib/bb/data_smart.py); keyword arguments about history (`op=`, `file=`) are accepted."""

    __slots__ = ("_store", "_tracks", "__weakref__")
    __hash__ = object.__hash__

    def __init__(self, store=None, tracks=False):
        """`store` is the engine's; without one, the engine makes an empty one."""
        self._store = backend.current.new_store() if store is None else store
        self._tracks = tracks

    def __eq__(self, other):
        return self is other

    def getVar(self, var, expand=True, noweakdefault=False, parsing=False):
        try:
            value = self._store.getVar(var, expand, noweakdefault, parsing)
        except backend.current.failures:
            raise backend.current.error() from None
        return value if type(value) is str or value is None else backend.current.incoming(value)

    def _do(self, method, *arguments):
        try:
            return getattr(self._store, method)(*arguments)
        except backend.current.failures:
            raise backend.current.error() from None

    def _write(self, method, *arguments):
        """As `_do`, for what belongs into the history: with the place of the code that called."""
        if self._tracks:
            frame = sys._getframe(2)
            while frame.f_back is not None and frame.f_code.co_filename == __file__:
                frame = frame.f_back
            self._store.place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        self._do(method, *arguments)

    @staticmethod
    def _out(value):
        return value if type(value) in _PLAIN else backend.current.outgoing(value)

    def _in(self, value):
        return value if type(value) in _PLAIN else backend.current.incoming(value)

    def setVar(self, var, value, parsing=False, **loginfo):
        self._write("setVar", var, self._out(value), parsing)

    def appendVar(self, var, value, **loginfo):
        self._write("appendVar", var, value)

    def prependVar(self, var, value, **loginfo):
        self._write("prependVar", var, value)

    def delVar(self, var, **loginfo):
        self._write("delVar", var)

    def renameVar(self, key, newkey, **loginfo):
        if key == newkey:
            bb.warn("renameVar: %s has that name already" % key)
            return
        self._write("renameVar", key, newkey)

    def initVar(self, var):
        if var not in self:
            self.setVar(var, "")

    def getVarFlag(self, var, flag, expand=True, noweakdefault=False, parsing=False):
        return self._in(self._do("getVarFlag", var, flag, expand, noweakdefault, parsing))

    def setVarFlag(self, var, flag, value, **loginfo):
        self._write("setVarFlag", var, flag, self._out(value))

    def appendVarFlag(self, var, flag, value, **loginfo):
        self._write("appendVarFlag", var, flag, value)

    def prependVarFlag(self, var, flag, value, **loginfo):
        self._write("prependVarFlag", var, flag, value)

    def delVarFlag(self, var, flag, **loginfo):
        self._write("delVarFlag", var, flag)

    def getVarFlags(self, var, expand=False, internalflags=False):
        """{flag: value}, or None when there is none; `expand` is False, True or the flags to expand."""
        wanted = expand if isinstance(expand, bool) or expand is None else " ".join(expand)
        names = self._do("getVarFlags", var, wanted, internalflags)
        if names is None:
            return None
        return {name: self._in(value) for name, value in backend.current.incoming(names)}

    def setVarFlags(self, var, flags, **loginfo):
        for flag, value in flags.items():
            self.setVarFlag(var, flag, value)

    def delVarFlags(self, var, **loginfo):
        self._write("delVarFlags", var)

    def setVarFilter(self, var, filter):
        self._do("setVarFilter", var, filter)

    def expand(self, s, varname=None):
        return self._do("expand", s, varname) if isinstance(s, str) else s

    def expandVarref(self, variable, parents=False):
        self.setVar(variable, self.getVar(variable))

    def hasOverrides(self, var):
        return self._do("hasOverrides", var)

    def createCopy(self):
        return DataSmart(self._do("createCopy"))

    def _names(self):
        names = self._do("names")
        return names.split("\n") if names else []

    def localkeys(self):
        return iter(self._names())

    def __iter__(self):
        return iter(self._names())

    def __len__(self):
        return len(self._names())

    def __contains__(self, var):
        return self._do("has", var)

    def __getitem__(self, var):
        value = self.getVar(var, False)
        if value is None:
            raise KeyError(var)
        return value

    def __setitem__(self, var, value):
        self.setVar(var, value)

    def __delitem__(self, var):
        self.delVar(var)

    def __deepcopy__(self, memo):
        return self.createCopy()


__getattr__ = absent.names(__name__)
