"""Events by name. Handlers are found and called by the engine; metadata reads attributes and may fire its own."""
from tsbake import backend


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

    kind = type(name, (parent,), {"__init__": __init__, "__module__": "bb.event", "__doc__": doc, "fields": fields})
    globals()[name] = kind
    return kind


for _name in "OperationStarted OperationCompleted OperationProgress ConfigParsed RecipeEvent BuildBase DiskFull " \
        "MonitorDiskEvent NoProvider MultipleProviders TreeDataPreparationProgress DepTreeGenerated " \
        "ReachableStamps StaleSetSceneTasks FilesMatchingFound ConfigFilesFound HeartbeatEvent SanityCheck " \
        "SanityCheckPassed SanityCheckFailed NetworkTest NetworkTestPassed NetworkTestFailed LogExecTTY " \
        "ProcessStarted ProcessProgress ProcessFinished MsgBase CommandCompleted".split():
    _kind(_name)

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


for _method, _field in (("getName", "_name"), ("getPkgs", "_pkgs"), ("getFailures", "_failures")):
    _attribute(globals()["BuildBase"], _method, _field)
globals()["BuildBase"].name = property(lambda self: getattr(self, "_name", None))
globals()["BuildBase"].pkgs = property(lambda self: getattr(self, "_pkgs", None))


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
    return event


def getName(e):
    """The class's name, of an event or of a class."""
    return getattr(e, "__name__", None) or type(e).__name__


def fire(event, d):
    """Hands an event of metadata's own to the engine."""
    kind = type(event)
    shown = {key: value for key, value in vars(event).items() if key != "data"}
    backend.current.fire(kind.__module__ + "." + kind.__name__, shown)


def check_for_interrupts(*d):
    """The engine stops a task by a signal; there is nothing to ask for."""


def enable_threadlock():
    pass


disable_threadlock = enable_heartbeat = disable_heartbeat = enable_threadlock
