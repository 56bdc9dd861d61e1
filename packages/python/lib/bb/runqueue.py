"""Names of tasks: `[mc:CONFIG:]FILE:TASK`, where FILE may be `virtual:VARIANT:PATH`; and events about them."""

import bb.event
from tsbake import absent


class runQueueEvent(bb.event.Event):
    """`taskid`, `taskstring`, `taskname`, `taskfile`, `taskhash`."""


class sceneQueueEvent(runQueueEvent):
    """About a restore: `taskstring` and `taskname` end in `_setscene`."""


class runQueueTaskStarted(runQueueEvent):
    pass


class runQueueTaskCompleted(runQueueEvent):
    pass


class runQueueTaskFailed(runQueueEvent):
    """`exitcode`"""


class runQueueTaskSkipped(runQueueEvent):
    """`reason`: `existing` or `covered`."""


class sceneQueueTaskStarted(sceneQueueEvent):
    pass


class sceneQueueTaskCompleted(sceneQueueEvent):
    pass


class sceneQueueTaskFailed(sceneQueueEvent):
    pass


def split_tid_mcfn(tid):
    """(configuration, file, task name, file with its configuration)"""
    file, _, task = tid.rpartition(":")
    if file.startswith("mc:") and file.count(":") >= 2:
        _, mc, plain = file.split(":", 2)
        return mc, plain, task, file
    return "", file, task, file


def split_tid(tid):
    return split_tid_mcfn(tid)[:3]


def split_mc(n):
    if n.startswith("mc:") and n.count(":") >= 2:
        _, mc, rest = n.split(":", 2)
        return mc, rest
    return "", n


def build_tid(mc, fn, taskname):
    return "mc:%s:%s:%s" % (mc, fn, taskname) if mc else "%s:%s" % (fn, taskname)


def fn_from_tid(tid):
    return tid.rpartition(":")[0]


def taskname_from_tid(tid):
    return tid.rpartition(":")[2]


def mc_from_tid(tid):
    return split_mc(tid)[0]


__getattr__ = absent.names(__name__)
