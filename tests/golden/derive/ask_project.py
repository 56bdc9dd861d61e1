"""
A project: configuration and recipes, read as BitBake reads a build folder, and questions about it.

The folder of the case is build folder and layer at once; what it does not bring comes from `recipe/project`.
"""

import logging
import os
import re
import shutil

import bb
import bb.build
import bb.cache
import bb.codeparser
import bb.cooker
import bb.cookerdata
import bb.data
import bb.event
import bb.parse
import bb.providers

from dump import show, variable_lines, without_folder

PROJECT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "recipe", "project")
#: Differ from run to run, or are the engine's own.
HIDDEN = {
    "_task_deps",
    "FILE",
    "BBINCLUDED",
    "BBFILES_PRIORITIZED",
    "FILE_LAYERNAME",
    "BB_ORIGENV",
    "BBLAYERS",
}


class Messages(logging.Handler):
    """Counts warnings, keeps what `bb.plain` says."""

    def __init__(self):
        super().__init__()
        self.warnings = 0
        self.plain = []
        self.errors = []

    def emit(self, record):
        if record.levelno >= logging.ERROR:
            self.errors.append(record.getMessage())
        elif record.levelno >= logging.WARNING and record.levelno != bb.msg.BBLogFormatter.PLAIN:
            self.warnings += 1
        elif record.levelno == bb.msg.BBLogFormatter.PLAIN:
            self.plain.append(record.getMessage())


REFUSALS = (
    bb.cooker.CollectionError,
    bb.parse.ParseError,
    bb.BBHandledException,
    bb.data_smart.ExpansionError,
    SyntaxError,
    ValueError,
    NameError,
    RecursionError,
)


def project(request, folder):
    messages = Messages()
    logger = logging.getLogger("BitBake")
    logger.addHandler(messages)
    logger.propagate = False
    logger.setLevel(bb.msg.BBLogFormatter.NOTE)
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True, copy_function=copy_missing)
    ask = [line.split(" ") for line in request["ask"]]
    before = os.environ.copy()
    try:
        lines = read_project(folder, ask, messages)
    except Exception as error:
        # What follows an error that was told may be any exception.
        if not messages.errors and not isinstance(error, REFUSALS):
            raise
        lines = refusal(error)
    if os.environ != before:
        raise RuntimeError("the environment was changed")
    return without_folder("\n".join(lines), folder)


def copy_missing(source, target):
    if not os.path.exists(target):
        shutil.copyfile(source, target)


def refusal(error):
    # What is not closed is noticed at the end of the file: that is no place of the mistake.
    if isinstance(error, bb.parse.ParseError) and error.lineno and not error.msg.startswith("Unparsed lines"):
        return [f"--> refused at {error.filename}:{error.lineno}"]
    return ["--> refused"]


def read_project(folder, ask, messages):
    settings = bb.cookerdata.CookerConfiguration()
    settings.env = dict(os.environ)
    settings.tracking = any(verb == "history" for verb, *_ in ask)
    builder = bb.cookerdata.CookerDataBuilder(settings)
    builder.parseBaseConfiguration()
    base = hidden_values(builder.data)
    cookers = {mc: Cooker(builder, mc) for mc in builder.mcdata}
    cooker = cookers[""]
    lines = []
    is_asked = any(verb in ("provider", "runtime", "world") for verb, *_ in ask)
    for mc, one in cookers.items():
        for layer, path in one.files:
            appends = one.collected[mc].get_file_appends(path)
            stores = builder.parseRecipeVariants(path, appends, mc=mc, layername=layer)
            if is_asked:
                one.add(path, stores)
            for word, d in sorted(stores.items()):
                name = os.path.relpath(path, folder)
                lines.append(f"--> {name}" + (f" in {mc}" if mc else "") + (f" as {word}" if word else ""))
                lines += describe(d, base, ask)
    if messages.errors:
        return ["--> refused"]
    # What is said of providers depends on who asks: only the choice counts.
    warnings = messages.warnings
    questions = [line for words in ask if words[0] in cooker.QUESTIONS for line in cooker.answer(words)]
    if questions:
        lines += ["--> project", *questions]
    said = [f"plain: {text}" for text in messages.plain]
    if warnings:
        said.append(f"warnings: {warnings}")
    if said:
        lines += ["--> said", *said]
    return lines


def hidden_values(d):
    return {name: variable_lines(d, name, expand=False) for name in d.keys()}


def describe(d, base, ask):
    """What the recipe changed of the configuration, tasks, and answers about this variant."""
    skipped = d.getVar("__SKIPPED", False)
    if skipped:
        return ["skipped" if skipped is True else f"skipped {show(skipped)}"]
    lines = []
    names = sorted(d.keys())
    if any(verb == "deps" for verb, *_ in ask):
        # The answer has all that counts.
        names = []
    for name in names:
        if name.startswith("__") or name in HIDDEN or variable_lines(d, name, expand=False) == base.get(name):
            continue
        shown = variable_lines(d, name)
        if shown != ['DEPENDS = ""']:
            lines += shown
    tasks = d.getVar("_task_deps", False)
    for task in tasks["tasks"]:
        lines.append(" ".join([f"task {task}:", *tasks["parents"][task]]).rstrip(":"))
    for verb, *words in ask:
        if verb in QUESTIONS:
            lines += QUESTIONS[verb](d, *words)
    return lines


def history(d, name):
    events = list(d.varhistory.variable(name))
    for full, override in d.overridedata.get(name, []):
        for event in d.varhistory.variable(full):
            if "flag" in event and not event["flag"].startswith(("_", ":")):
                continue
            events.append({**event, "op": f"override[{override}]:{event['op']}"})
    lines = []
    for event in events:
        # What BitBake's or a function's own Python did has a place of its own: the operation is what counts.
        place = "" if "func" in event else f" {event['file']}:{event['line']}"
        flag = f" [{event['flag']}]" if "flag" in event else ""
        lines.append(f"history {name}: {event['op']}{place}{flag} {show(str(event['detail']))}")
    return lines or [f"history {name}: none"]


def dependencies(d, task):
    """Everything that the task's base hash is made of: names with what they need, and the text of each."""
    ignored = set((d.getVar("BB_BASEHASH_IGNORE_VARS") or "").split())
    tasks, needs, values = bb.data.generate_dependencies(d, ignored)
    _, hashes = bb.data.generate_dependency_hash(tasks, needs, values, ignored, "")
    seen, waiting = set(), [task]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needs[name]
    lines = [f"basehash {task}: {hashes[f':{task}']}"]
    for name in [task, *sorted(seen - {task})]:
        lines.append(" ".join([f"needs {name}:", *sorted(needs[name])]).rstrip(":"))
        if values[name]:
            lines.append(f"text {name} = {show(str(values[name]))}")
    return lines


def exported(d):
    """The environment of a shell function."""
    lines = []
    for name in sorted(d.keys()):
        is_exported = bb.utils.to_boolean(d.getVarFlag(name, "export"))
        is_removed = bb.utils.to_boolean(d.getVarFlag(name, "unexport"))
        # The engine leaves out what a shell has no name for.
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            continue
        if is_exported and not is_removed and not d.getVarFlag(name, "func") and d.getVar(name) is not None:
            lines.append(f"exported {name}")
    return lines


QUESTIONS = {
    "history": history,
    "deps": dependencies,
    "exported": lambda d: exported(d),
    "overrides": lambda d: [f"overrides: {d.getVar('OVERRIDES')}"],
    "raw": lambda d, name: [f"raw {name} = {show(d.getVar(name, False))}"],
}


class Cooker:
    """The parts of BitBake's cooker that find files and providers; the rest of it needs a server."""

    QUESTIONS = ("provider", "runtime", "appends", "layers", "config", "versions", "world")

    def __init__(self, builder, mc):
        self.data = builder.mcdata[mc]
        self.parsecache_valid = False
        self.builder = builder
        self.mc = mc
        self.recipecaches = {mc: bb.cache.CacheData([bb.cache.CoreRecipeInfo])}
        bb.cooker.BBCooker.handleCollections(self, self.data.getVar("BBFILE_COLLECTIONS"))
        self.collected = {mc: bb.cooker.CookerCollectFiles(self.bbfile_config_priorities, mc)}
        found, _, _ = self.collected[mc].collect_bbfiles(self.data, self.data)
        self.files = [(self.collected[mc].calc_bbfile_priority(path)[2], path) for path in found]
        dangling = self.dangling([path for _, path in self.files])
        if dangling:
            raise bb.BBHandledException()

    def dangling(self, files):
        names = {os.path.basename(path) for path in files}
        applied = {append for path in files for append in self.collected[self.mc].get_file_appends(path)}
        return [
            path for _, path in self.collected[self.mc].bbappends if path not in applied and names is not None
        ]

    def add(self, path, stores):
        cache = self.recipecaches[self.mc]
        for word, d in stores.items():
            if d.getVar("__SKIPPED", False):
                continue
            name = bb.cache.realfn2virtual(path, word, self.mc)
            cache.add_from_recipeinfo(name, [bb.cache.CoreRecipeInfo(path, d)])

    def answer(self, words):
        verb, *names = words
        cache = self.recipecaches[self.mc]
        if not cache.bbfile_priority:
            paths = [path for _, path in self.files]
            found = self.collected[self.mc].collection_priorities(list(cache.pkg_fn), paths, self.data)
            cache.bbfile_priority = found[0] if isinstance(found, tuple) else found
            preferred = (self.data.getVar("PREFERRED_PROVIDERS") or "").split()
            cache.preferred = dict(entry.split(":") for entry in preferred)
        if verb == "provider":
            eligible, _ = bb.providers.filterProviders(
                cache.providers.get(names[0], []), names[0], self.data, cache
            )
            return [" ".join([f"provider {names[0]}:", *eligible[:1]])]
        if verb == "runtime":
            candidates = bb.providers.getRuntimeProviders(cache, names[0])
            eligible, _ = bb.providers.filterProvidersRunTime(candidates, names[0], self.data, cache)
            return [" ".join([f"runtime {names[0]}:", *eligible[:1]])]
        if verb == "appends":
            path = next(path for _, path in self.files if os.path.basename(path) == names[0])
            return [" ".join([f"appends {names[0]}:", *self.collected[self.mc].get_file_appends(path)])]
        if verb == "layers":
            return [f"layer {name} {priority}" for name, _, _, priority in self.bbfile_config_priorities]
        if verb == "config":
            return variable_lines(self.data, names[0])
        if verb == "world":
            bb.providers.buildWorldTargetList(cache)
            return [" ".join(["world:", *sorted(cache.world_target)])]
        raise ValueError(verb)
