"""Exceptions as data: the name, the text and the places in metadata, in the shape of PythonError."""

import os
import sys
import sysconfig

# Of a recursion that found no end, its beginning and its end are told.
LIMIT = 20

_ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_library = tuple(
    {path + os.sep for path in (sysconfig.get_path("stdlib"), os.path.dirname(os.__file__)) if path}
    | {"/lib/python3", _ours}
)


def name_of(kind):
    """Qualified class name; builtins have no prefix."""
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", None) else module + "." + kind.__qualname__


def text_of(error):
    """str(error), also when that itself fails."""
    try:
        return str(error)
    except Exception:
        return "(an exception of which str() fails)"


def frames_of(error):
    """[{file, line, function}], innermost last; only code of metadata, not of Python or of ours."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        if _is_metadata(code.co_filename):
            frames.append({"file": code.co_filename, "line": trace.tb_lineno, "function": code.co_name})
        trace = trace.tb_next
    if len(frames) > LIMIT:
        frames[LIMIT // 2 : -LIMIT // 2] = []
    if isinstance(error, SyntaxError) and error.filename and _is_metadata(error.filename):
        frames.append({"file": error.filename, "line": error.lineno or 1, "function": "<syntax>"})
    return frames


def _is_metadata(file):
    return not file.startswith("<") and not file.startswith(_library)


def describe(error):
    return {"type": name_of(type(error)), "detail": text_of(error), "frames": frames_of(error)}


def rebuild(type_name, detail):
    """The exception that stands for one of the other side: only classes that metadata catches by name come back."""
    module_name, _, name = type_name.rpartition(".")
    if type_name in ("bb.parse.SkipRecipe", "bb.BBHandledException", "bb.data_smart.ExpansionError"):
        kind = getattr(sys.modules.get(module_name) or __import__(module_name, fromlist=[name]), name)
        if name == "ExpansionError":
            return kind(None, None, detail=detail)
        return kind(detail)
    from bb.data_smart import ExpansionError

    return ExpansionError(None, None, detail="%s: %s" % (type_name, detail) if type_name else detail)
