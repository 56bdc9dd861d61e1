"""
What PythonHost (packages/datastore) asks of the embedded interpreter. Each function catches whatever metadata raises,
keeps it, and returns None; the caller then asks `failure()`.
"""

import builtins
import importlib
import inspect
import json
import os
import sys
import time

import bb
import bb.build
import bb.compress
import bb.data
import bb.data_smart
import bb.event
import bb.fetch2
import bb.filter
import bb.msg
import bb.parse
import bb.process
import bb.runqueue
import bb.siggen
import bb.utils
from bb.data_smart import DataSmart
from tsbake import backend, calls, code, errors

namespace = {"__builtins__": builtins, "os": os, "bb": bb, "time": time}
_marked = dict(namespace)
_failed = None
_builtin_names = frozenset(name for name in dir(builtins) if not name.startswith("_")) | {"oe"}

bb.utils._set_context_source(lambda: namespace)


class Scope(dict):
    """Names of an inline expression: `d`, then the global namespace and builtins, then variables of `d`."""

    __slots__ = ("store",)

    def __init__(self, d):
        self["d"] = d
        self.store = d

    def __missing__(self, name):
        if name in namespace or name in _builtin_names:
            raise KeyError(name)
        value = self.store.getVar(name)
        if value is None:
            raise KeyError(name)
        return value


def _fail(error):
    global _failed
    _failed = error


def failure():
    """The last failure as JSON, with the key of the engine's own error if it came from there."""
    shown = errors.describe(_failed)
    shown["key"] = getattr(_failed, "tsbake_error", None)
    return json.dumps(shown)


def failed():
    """The exception itself, once; it goes back to Python when the engine passes the failure on."""
    global _failed
    error, _failed = _failed, None
    return error.with_traceback(None)


def store(adapter):
    """The `d` for one StoreAdapter."""
    return DataSmart(adapter, adapter.tracksHistory)


_ABSENT = object()


def evaluate(text, d):
    # Generators and comprehensions have scopes of their own, which see the globals and not the locals of eval.
    outer = namespace.get("d", _ABSENT)
    namespace["d"] = d
    try:
        return str(eval(code.expression(text), namespace, Scope(d)))
    except BaseException as error:
        return _fail(error)
    finally:
        if outer is _ABSENT:
            namespace.pop("d", None)
        else:
            namespace["d"] = outer


def define(text, file, line):
    try:
        exec(code.module(text, file, line), namespace)
        return True
    except BaseException as error:
        return _fail(error)


def check(name, body, file, line):
    try:
        code.function(name, "d", body, file, line)
        return True
    except BaseException as error:
        return _fail(error)


def execute(name, body, file, line, d):
    try:
        code.load(name, code.function(name, "d", body, file, line), namespace)(d)
        sys.stdout.flush()
        return True
    except BaseException as error:
        return _fail(error)


def handle(name, body, file, line, event_class, attributes, d):
    try:
        event = bb.event.make(event_class, attributes)
        event.data = d
        code.load(name, code.function(name, "e, d", body, file, line), namespace)(event, d)
        sys.stdout.flush()
        return True
    except BaseException as error:
        return _fail(error)


def add_library(directory, name):
    try:
        if directory not in sys.path:
            sys.path.append(directory)
        importlib.invalidate_caches()
        module = namespace[name] = importlib.import_module(name)
        parts = [name + "." + part for part in getattr(module, "BBIMPORTS", ())]
        return json.dumps([_describe_module(part, importlib.import_module(part)) for part in parts])
    except BaseException as error:
        return _fail(error)


def _describe_module(name, module):
    """The functions that signatures know of; LibraryModule in packages/datastore/src/python/library.ts."""
    found = [(one, getattr(module, one)) for one in dir(module) if not one.startswith("_")]
    callables = [(one, value) for one, value in found if callable(value)]
    functions = []
    for one, value in callables:
        try:
            if inspect.getsourcefile(value) != module.__file__:
                continue
            lines, line = inspect.getsourcelines(value)
        except TypeError:
            # Something built in.
            continue
        decorated = {key: sorted(getattr(value, "bb_" + key, ())) for key in ("vardeps", "vardepsexclude")}
        visited = calls.learn(name + "." + one, value)
        functions.append({"name": one, "text": "".join(lines), "line": line, "visited": visited, **decorated})
    return {"name": name, "callables": [one for one, _ in callables], "functions": functions}


def visit_calls(text):
    try:
        return json.dumps(calls.visit(text))
    except BaseException as error:
        return _fail(error)


def mark():
    global _marked
    _marked = dict(namespace)


def reset():
    namespace.clear()
    namespace.update(_marked)


class HostBackend:
    """Pyodide's side of tsbake.backend: `host` is a JavaScript object, see packages/python/src/interpreter/bridge.ts."""

    # One that runs a Python function of a recipe, in a process of its own.
    is_task = False

    def __init__(self, host):
        from pyodide.ffi import JsDoubleProxy, JsException, create_proxy

        self._host = host
        self.failures = JsException
        self._proxy = create_proxy
        self._double = JsDoubleProxy

    def message(self, level, text):
        self._host.message(level, text)

    def error(self):
        """The exception for the error that the engine threw a moment ago."""
        original = self._host.originalException()
        if original is not None:
            return original
        shown = json.loads(self._host.describeError())
        error = errors.rebuild(shown["type"], shown["detail"])
        error.tsbake_error = shown["key"]
        return error

    def outgoing(self, value):
        """A value for the engine: text and numbers as they are, lists of texts copied, anything else by reference."""
        if type(value) is list and all(type(one) is str and "\0" not in one for one in value):
            return self._host.texts("\0".join(value), len(value))
        return self._proxy(value)

    def incoming(self, value):
        return value.unwrap() if isinstance(value, self._double) else value

    def new_store(self):
        return self._host.newStore()

    def spawn(self, request):
        return json.loads(self._host.spawn(json.dumps(request)))

    def depend(self, path):
        self._host.depend(path)

    def fire(self, event_class, attributes):
        self._host.fire(event_class, json.dumps(attributes, default=str))

    def exec_function(self, name, d, dirs):
        """Python functions run here, without their folders; a shell has nothing to run in while metadata is parsed."""
        if not d.getVarFlag(name, "func", False):
            bb.warn("the function %s has no body: nothing to do" % name)
        elif d.getVarFlag(name, "python", False):
            place = (
                d.getVarFlag(name, "filename", False) or "<%s>" % name,
                int(d.getVarFlag(name, "lineno", False) or 1),
            )
            # `lineno` is the line of the name and the brace; the body starts on the next.
            text = code.function(name, "d", d.getVar(name, False), place[0], place[1] + 1)
            code.load(name, text, namespace)(d)
        else:
            bb.fatal("the shell function '%s' can be run by a task only, not while metadata is parsed" % name)

    def report_unihash(self, arguments):
        bb.fatal("a unihash can be reported by a task only")


def attach(host, facts):
    """Connects the engine and makes `os` tell of the real machine; `facts` is JSON, see packages/python/src/interpreter/open.ts."""
    from tsbake import hostsystem

    backend.use(HostBackend(host))
    hostsystem.install(json.loads(facts))
    os.umask = lambda mask: host.umask(mask)
