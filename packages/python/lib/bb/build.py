"""Tasks: adding and removing them while parsing, and calling other functions while one runs."""

import glob
import os
import re
import uuid

import bb
import bb.event
import bb.utils
from tsbake import absent, backend


class FuncFailed(Exception):
    """A function of metadata that failed; older metadata raises and catches it."""

    def __init__(self, name=None, logfile=None):
        self.name, self.logfile = name, logfile
        super().__init__(name, logfile)

    def __str__(self):
        return (
            "%s (log file is located at %s)" % (self.name, self.logfile) if self.logfile else str(self.name)
        )


class TaskBase(bb.event.Event):
    """Events of one task: `task`, `logfile`, `_fn`, `_package`, `_mc`, `taskfile`, `taskname`, `pn`, `pv`, `time`."""

    def __init__(self, t=None, fn=None, logfile=None, d=None):
        super().__init__()
        self._task, self.taskfile, self.taskname, self.logfile = t, fn, t, logfile

    def getTask(self):
        return self._task

    def getDisplayName(self):
        return bb.event.getName(self)[len("Task") :]

    task = property(getTask)


class TaskStarted(TaskBase):
    pass


class TaskSucceeded(TaskBase):
    pass


class TaskFailed(TaskBase):
    pass


class TaskFailedSilent(TaskBase):
    pass


class TaskInvalid(TaskBase):
    pass


class TaskProgress(bb.event.Event):
    def __init__(self, progress, rate=None):
        super().__init__()
        self.progress, self.rate = progress, rate


def _names(tasks):
    """Task names of a text or of None, as the engine's list."""
    return backend.current.outgoing((tasks or "").split())


def ensure_task_prefix(name):
    return name if name.startswith("do_") else "do_" + name


def addtask(task, before, after, d):
    """`addtask TASK before BEFORE after AFTER`; the two are texts with names, or None."""
    d._do("addTask", task, _names(before), _names(after))


def deltask(task, d):
    d._do("deleteTask", task)


def listtasks(d):
    names = d._do("taskNames")
    return tuple(names.split("\n")) if names else ()


def _after(task, d):
    return d.getVarFlag(task, "deps", False) or ()


def preceedtask(task, with_recrdeptasks, d):
    """The set of tasks of this recipe that come right before `task`; with its [recrdeptask] on demand."""
    if task not in listtasks(d):
        return set()
    more = (d.getVarFlag(task, "recrdeptask") or "").split() if with_recrdeptasks else ()
    return {*_after(task, d), *more}


def tasksbetween(task_start, task_end, d):
    """Every task on a way from `task_start` to `task_end`, both included, in the order in which the ways are walked."""
    tasks = listtasks(d)
    followers = {name: [other for other in tasks if name in _after(other, d)] for name in tasks}
    leads, found = {}, []

    def leads_to_end(name, trail):
        """Whether a way goes on to the end; remembered, so that many ways cost no more than one."""
        if name in trail:
            bb.fatal("the tasks wait for each other: %s" % " -> ".join([*trail, name]))
        if name not in leads:
            # All of them, for the circle that one of them may be on.
            leads[name] = name == task_end or any(
                [leads_to_end(one, (*trail, name)) for one in followers.get(name, ())]  # noqa: C419
            )
        return leads[name]

    def walk(name):
        if name in found or not leads_to_end(name, ()):
            return
        found.append(name)
        for one in followers.get(name, ()) if name != task_end else ():
            walk(one)

    walk(task_start)
    return found


def exec_func(func, d, dirs=None):
    """Runs another function of the recipe, shell or Python, in the last of `dirs` or of its own [dirs]."""
    backend.current.exec_function(func, d, dirs)


def write_taint(task, d, file_name=None):
    """From now on the task has another signature, until it is cleaned: it runs again, and all that needs it."""
    _refuse_other(file_name)
    path = "%s.%s.taint" % (d.getVar("STAMP"), task)
    bb.utils.mkdirhier(os.path.dirname(path))
    with open(path, "w") as taint:
        taint.write(str(uuid.uuid4()))


def clean_stamp(task, d, file_name=None):
    """Takes the stamps of a task away, so that it runs again next time."""
    _refuse_other(file_name)
    stamp = glob.escape(d.getVar("STAMP"))
    for path in glob.glob("%s.%s.*" % (stamp, task)) + glob.glob("%s.%s_setscene.*" % (stamp, task)):
        if not re.search(r"\.(taint|sigdata\.[^.]*|sigbasedata\.[^.]*)$", path):
            bb.utils.remove(path)


def _refuse_other(file_name):
    if file_name is not None:
        raise NotImplementedError("stamps of another recipe (%s) cannot be changed from here" % file_name)


def shell_trap_code():
    """Shell that says which command failed when a script ends with an error; to stand before what may fail."""
    return """#!/bin/sh
__tsbake_ended() {
    ended=$?
    trap '' 0
    [ "$ended" = 0 ] || echo "WARNING: exit code $ended from a shell command."
    exit $ended
}
trap __tsbake_ended 0
set -e
"""


def prepare_folders(func, d, dirs=None):
    """What a function's [cleandirs] and [dirs] ask for; returns the folder to run in, or None."""
    flags = d.getVarFlags(func, expand=("cleandirs", "dirs")) or {}
    for folder in (flags.get("cleandirs") or "").split():
        bb.utils.remove(folder, recurse=True)
        bb.utils.mkdirhier(folder)
    wanted = dirs if dirs is not None else (flags.get("dirs") or "").split()
    for folder in wanted:
        bb.utils.mkdirhier(folder)
    return os.fspath(wanted[-1]) if wanted else None


__getattr__ = absent.names(__name__)
