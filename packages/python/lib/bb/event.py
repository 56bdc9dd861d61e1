"""Events by name. Handlers are found and called by the engine; metadata reads attributes and may fire its own."""

import json

import bb.utils
from tsbake import absent, backend, code


class Event:
    """Base of all; `data` is `d` while a handler runs."""

    data = None

    def __init__(self):
        self.pid = 0


def _kind(name, parent=Event, fields=(), doc=None):
    """A class whose constructor takes `fields` in order; an event that metadata fires has the same attributes."""

    def __init__(self, *values, **named):
        Event.__init__(self)
        for field, value in zip(fields, values):
            setattr(self, field, value)
        self.__dict__.update(named)

    kind = type(
        name, (parent,), {"__init__": __init__, "__module__": "bb.event", "__doc__": doc, "fields": fields}
    )
    globals()[name] = kind
    return kind


for _name in (
    "OperationStarted OperationCompleted OperationProgress ConfigParsed RecipeEvent BuildBase "
    "TreeDataPreparationProgress DepTreeGenerated FilesMatchingFound ConfigFilesFound "
    "SanityCheckPassed NetworkTestPassed NetworkTestFailed MsgBase CommandCompleted".split()
):
    _kind(_name)

# Where a constructor of BitBake has a default, the class does: an event that lacks the value still has the attribute.
_kind("DiskFull", Event, ("_dev", "_type", "_free", "_mountpoint"))
_kind("MonitorDiskEvent", Event, ("disk_usage",))
_kind("HeartbeatEvent", Event, ("time",))
_kind("ReachableStamps", Event, ("stamps",))
_kind("StaleSetSceneTasks", Event, ("tasks",))
_kind("NoProvider", Event, ("_item", "_runtime", "_dependees", "_reasons", "_close_matches"))
_kind("MultipleProviders", Event, ("_item", "_candidates", "_is_runtime"))
_kind("LogExecTTY", Event, ("msg", "prog", "sleep_delay", "retries"))
_kind("ProcessStarted", Event, ("processname", "total"))
_kind("ProcessProgress", Event, ("processname", "progress"))
_kind("ProcessFinished", Event, ("processname",))
_kind("SanityCheckFailed", Event, ("_msg", "_network_error"))
for _name in "SanityCheck NetworkTest".split():
    _kind(_name, Event, ("generateevents",))
_kind("MultiConfigParsed", Event, ("mcdata",))
_kind("MetadataEvent", Event, ("type", "_localdata"))
for _name in "RecipePreFinalise RecipePostKeyExpansion RecipeParsed".split():
    _kind(_name, globals()["RecipeEvent"], ("fn",))
_kind("RecipePreDeferredInherits", globals()["RecipeEvent"], ("fn", "inherits"))
_kind("RecipeTaskPreProcess", globals()["RecipeEvent"], ("fn", "tasklist"))
for _name in "ParseStarted CacheLoadStarted TreeDataPreparationStarted".split():
    _kind(_name, globals()["OperationStarted"], ("total",))
for _name in "ParseCompleted CacheLoadCompleted TreeDataPreparationCompleted".split():
    _kind(_name, globals()["OperationCompleted"], ("total",))
for _name in "ParseProgress CacheLoadProgress".split():
    _kind(_name, globals()["OperationProgress"], ("current", "total"))
for _name in "BuildInit BuildStarted BuildCompleted".split():
    _kind(_name, globals()["BuildBase"], ("_name", "_pkgs", "_failures"))
for _name in "MsgDebug MsgNote MsgWarn MsgError MsgFatal MsgPlain".split():
    _kind(_name, globals()["MsgBase"], ("_message",))
_kind("ParseError", Event, ("msg",))


def _attribute(kind, method, field):
    setattr(kind, method, lambda self: getattr(self, field, None))


for _owner, _method, _field in (
    ("BuildBase", "getName", "_name"),
    ("BuildBase", "getPkgs", "_pkgs"),
    ("BuildBase", "getFailures", "_failures"),
    ("NoProvider", "getItem", "_item"),
    ("NoProvider", "isRuntime", "_runtime"),
    ("MultipleProviders", "getItem", "_item"),
    ("MultipleProviders", "isRuntime", "_is_runtime"),
    ("MultipleProviders", "getCandidates", "_candidates"),
):
    _attribute(globals()[_owner], _method, _field)
for _owners, _field, _value in (
    ("NoProvider", "_runtime", False),
    ("MultipleProviders", "_is_runtime", False),
    ("SanityCheckFailed", "_network_error", False),
    ("NoProvider", "_dependees", None),
    ("NoProvider", "_reasons", None),
    ("NoProvider", "_close_matches", None),
    ("SanityCheck NetworkTest", "generateevents", True),
    ("BuildBase", "name", property(lambda self: getattr(self, "_name", None))),
    ("BuildBase", "pkgs", property(lambda self: getattr(self, "_pkgs", None))),
):
    for _owner in _owners.split():
        setattr(globals()[_owner], _field, _value)


class DiskUsageSample:
    """Bytes of a disk: what others than root may still write, what root may, and all."""

    def __init__(self, available_bytes, free_bytes, total_bytes):
        self.available_bytes, self.free_bytes, self.total_bytes = available_bytes, free_bytes, total_bytes


def make(name, attributes):
    """An event object of the class `module.Class`; a class that is not known is made on the spot."""
    module_name, _, short = name.rpartition(".")
    module_name = module_name or "bb.event"
    import importlib

    try:
        module = importlib.import_module(module_name)
    except ImportError:
        module = None
    kind = getattr(module, short, None)
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        kind = type(short, (Event,), {"__module__": module_name})
        if module is not None:
            setattr(module, short, kind)
    event = kind.__new__(kind)
    event.pid = 0
    event.__dict__.update(attributes)
    if short == "MonitorDiskEvent":
        event.disk_usage = {device: DiskUsageSample(*sample) for device, sample in event.disk_usage.items()}
    return event


def getName(e):
    """The class's name, of an event or of a class."""
    return getattr(e, "__name__", None) or type(e).__name__


def fire(event, d):
    """Hands an event of metadata's own to all handlers that listen, here and now, and then to the engine."""
    if d is not None:
        _handle(event, d)
    kind = type(event)
    shown = {key: value for key, value in vars(event).items() if key != "data"}
    backend.current.fire(kind.__module__ + "." + kind.__name__, shown)


def _handle(event, d):
    # As BitBake names classes: those that metadata defines outside of a library have no module in front.
    handlers = json.loads(d._store.handlers(str(type(event))[8:-2]))
    namespace = bb.utils.get_context()
    for handler in handlers:
        name = handler["name"]
        text = code.function(name, "e, d", handler["body"], handler["file"], handler["line"])
        event.data = d
        try:
            code.load(name, text, namespace)(event, d)
        finally:
            del event.data


def check_for_interrupts(*d):
    """The engine stops a task by a signal; there is nothing to ask for."""


def enable_threadlock():
    pass


disable_threadlock = enable_heartbeat = disable_heartbeat = enable_threadlock


__getattr__ = absent.names(__name__)
