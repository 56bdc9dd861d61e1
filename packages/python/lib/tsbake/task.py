"""
One Python function of a recipe in a process of its own. `d` is the engine's datastore at the other end of a channel:
a request is one line of JSON, {"op", "store", "args"}; so is its reply, {"ok": value} or {"error": {type, detail}}.
Messages have "op": "message" and no reply.
"""

import contextlib
import importlib
import json
import os
import sys
import threading
import time

import bb
import bb.build
import bb.data_smart
import bb.parse
import bb.process
import bb.utils
from tsbake import backend, code, errors

PREFIXES = {"debug": "DEBUG: ", "plain": "", "note": "NOTE: ", "warning": "WARNING: ", "error": "ERROR: "}


class FileChannel:
    """Two file descriptors of this process, which no program that it starts inherits. Forked children share them, so from the first fork on a lock is taken."""

    def __init__(self, requests, replies):
        self._requests, self._replies = requests, replies
        self._threads = threading.RLock()
        self._lock = None
        os.register_at_fork(before=self._prepare_fork, after_in_child=self._new_threads)

    def _prepare_fork(self):
        if self._lock is None:
            import tempfile

            self._lock = tempfile.TemporaryFile()

    def _new_threads(self):
        self._threads = threading.RLock()

    def send(self, text):
        data = text.encode() + b"\n"
        while data:
            data = data[os.write(self._requests, data) :]

    def receive(self):
        pieces = []
        while not pieces or not pieces[-1].endswith(b"\n"):
            piece = os.read(self._replies, 1 << 16)
            if not piece:
                # The engine is gone; nothing that this task does can be of use.
                os._exit(1)
            pieces.append(piece)
        return b"".join(pieces).decode()

    @contextlib.contextmanager
    def _alone(self):
        """No other thread, and no forked process, is between a request and its reply."""
        with self._threads:
            if self._lock is None:
                yield
                return
            import fcntl

            # lockf's locks belong to the process, so that they hold between forks of one file.
            fcntl.lockf(self._lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._lock, fcntl.LOCK_UN)

    def exchange(self, text):
        with self._alone():
            self.send(text)
            return self.receive()

    def tell(self, text):
        """Sends what has no reply."""
        with self._alone():
            self.send(text)


class PipeBackend:
    """tsbake.backend over a channel."""

    is_task = True
    # Errors of the engine are raised as what they are; see DataSmart.
    failures = ()

    def __init__(self, channel, echo=True):
        self.channel = channel
        self._echo = echo
        self._objects = {}
        self.released = []

    def request(self, op, store, *arguments):
        question = {"op": op, "store": store, "args": arguments}
        if self.released:
            question["release"], self.released = self.released, []
        reply = json.loads(self.channel.exchange(json.dumps(question)))
        if "error" in reply:
            raise errors.rebuild(reply["error"]["type"], reply["error"]["detail"])
        return reply.get("ok")

    def message(self, level, text):
        if self._echo:
            sys.stdout.write(PREFIXES[level] + text + "\n")
            sys.stdout.flush()
        self.channel.tell(json.dumps({"op": "message", "level": level, "text": text}))

    def outgoing(self, value):
        if type(value) is list and all(type(one) is str for one in value):
            return value
        key = id(value)
        self._objects[key] = value
        return {"$python": key, "text": errors.text_of(value)}

    def incoming(self, value):
        return self._objects[value["$python"]] if isinstance(value, dict) and "$python" in value else value

    def new_store(self):
        return PipeStore(self, self.request("newStore", 0))

    def spawn(self, request):
        return json.loads(self.channel.spawn(json.dumps(request)))

    def depend(self, path):
        """A task's reads are no dependency of the parse."""

    def fire(self, event_class, attributes):
        self.request("fire", 0, event_class, json.loads(json.dumps(attributes, default=str)))

    def report_unihash(self, arguments):
        return self.request("reportUnihash", 0, arguments["task"], arguments["method"], arguments["outhash"])

    def exec_function(self, name, d, dirs):
        """Python functions run here, shell functions in the engine."""
        if not d.getVarFlag(name, "func", False):
            bb.warn("the function %s has no body: nothing to do" % name)
        elif d.getVarFlag(name, "python", False):
            _run_here(name, d, dirs)
        else:
            ended = self.request("execFunction", d._store.key, name, dirs)
            if ended:
                raise bb.process.ExecutionError(name, ended)


def _run_here(name, d, dirs):
    before = os.getcwd()
    place = (
        d.getVarFlag(name, "filename", False) or "<%s>" % name,
        int(d.getVarFlag(name, "lineno", False) or 1),
    )
    body = d.getVar(name, False)
    folder = bb.build.prepare_folders(name, d, dirs)
    try:
        if folder:
            os.chdir(folder)
        # `lineno` is the line of the name and the brace; the body starts on the next.
        code.load(name, code.function(name, "d", body, place[0], place[1] + 1), namespace)(d)
    finally:
        os.chdir(before)


class PipeStore:
    """The methods of StoreAdapter, each one request."""

    def __init__(self, pipe, key):
        self._pipe, self.key = pipe, key

    def createCopy(self):
        return PipeStore(self._pipe, self._pipe.request("createCopy", self.key))

    def __del__(self):
        if self.key:
            self._pipe.released.append(self.key)


def _method(op):
    return lambda self, *arguments: self._pipe.request(op, self.key, *arguments)


for _op in (
    "getVar setVar appendVar prependVar delVar renameVar getVarFlag setVarFlag appendVarFlag prependVarFlag "
    "delVarFlag delVarFlags getVarFlags shellFunctions setVarFilter expand expandKeys handlers has names hasOverrides addTask deleteTask "
    "taskNames".split()
):
    setattr(PipeStore, _op, _method(_op))


class Namespace(dict):
    """Global names of metadata functions. Those that the job brings are compiled when they are first asked for."""

    def __init__(self):
        super().__init__(os=os, bb=bb, time=time, __builtins__=__builtins__)
        self.waiting = {}

    def __missing__(self, name):
        _define(self.waiting.pop(name))
        return self[name]


namespace = Namespace()


def run(channel):
    """Gets the job (the first line), does it, and tells how it ended; returns the exit code."""
    job = json.loads(channel.receive())
    pipe = PipeBackend(channel, job["echo"])
    backend.use(pipe)
    bb.utils._set_context_source(lambda: namespace)
    failure = None
    try:
        _perform(job, bb.data_smart.DataSmart(PipeStore(pipe, 0)))
    except BaseException as error:
        failure = errors.describe(error)
        _tell(error, failure)
    sys.stdout.flush()
    sys.stderr.flush()
    channel.tell(json.dumps({"op": "done", "failure": failure}))
    return 1 if failure else 0


def _perform(job, d):
    if job["umask"] is not None:
        os.umask(int(job["umask"], 8))
    os.chdir(job["cwd"])
    for module in job["modules"]:
        namespace[module.split(".")[0]] = __import__(module)
    for library in job["libraries"]:
        sys.path.append(library["directory"])
        module = namespace[library["namespace"]] = importlib.import_module(library["namespace"])
        for part in getattr(module, "BBIMPORTS", ()):
            importlib.import_module(library["namespace"] + "." + part)
    namespace.waiting.update((function["name"], function) for function in job["functions"])
    name, place = job["name"], job["place"]
    code.load(name, code.function(name, "d", job["body"], place["file"], place["line"]), namespace)(d)


def _define(function):
    """A `def` as it stands, or the body of a `python name() {}`."""
    text, place = function["text"], function["place"]
    if text.lstrip().startswith(("def ", "async ", "@")) and not text[:1].isspace():
        exec(code.module(text, place["file"], place["line"]), namespace)
    else:
        made = code.function(function["name"], "d", text, place["file"], place["line"])
        namespace[function["name"]] = code.load(function["name"], made, namespace)


def _tell(error, failure):
    """The error for the log: where in the metadata, and what. What was handled has been told."""
    if isinstance(error, bb.BBHandledException):
        return
    sys.stdout.flush()
    for frame in failure["frames"]:
        sys.stderr.write("  %s:%s, in %s\n" % (frame["file"], frame["line"], frame["function"]))
    sys.stderr.write("ERROR: %s: %s\n" % (failure["type"], failure["detail"]))


def main():
    """With the host's Python; the arguments are the named pipes for requests and for replies."""
    requests = os.open(sys.argv[-2], os.O_WRONLY)
    replies = os.open(sys.argv[-1], os.O_RDONLY)
    del sys.argv[1:]
    sys.stdout.reconfigure(line_buffering=True)
    status = run(FileChannel(requests, replies))
    # Threads that metadata left behind do not keep a task alive.
    os._exit(status)


def run_embedded(channel, facts):
    """Inside pyodide: `channel` is a JavaScript object, see packages/python/src/task/task-child.ts."""
    from tsbake import hostsystem

    hostsystem.install(json.loads(facts))
    return run(channel)
