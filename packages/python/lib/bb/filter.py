"""Filters on variables (d.setVarFilter): expressions over `val` with a fixed set of pure functions and registered ones."""

import builtins as _builtins

_names = {"__builtins__": {}}
_results = {}
_LIMIT = 20000


class _Namespace:
    """The dots of a registered name such as `bb.utils.explode_deps`."""


def filter_proc(*, name=None):
    """Decorator: the function, which must depend on its arguments alone, can be called in filters."""

    def register(function):
        *path, last = (name or function.__name__).split(".")
        if not path:
            _names[last] = function
            return function
        place = _names.setdefault(path[0], _Namespace())
        for part in path[1:]:
            place = place.__dict__.setdefault(part, _Namespace())
        setattr(place, last, function)
        return function

    return register


def apply_filters(val, expressions):
    """`val` through each expression in turn."""
    for expression in expressions:
        expression = expression.strip()
        if not expression:
            continue
        key = (val, expression)
        if key not in _results:
            if len(_results) >= _LIMIT:
                _results.clear()
            _results[key] = eval(expression, dict(_names), {"val": val})
        val = _results[key]
    return val


for (
    _name
) in "all any bin bool chr enumerate float format hex int len map max min oct ord pow str sum".split():
    _names[_name] = getattr(_builtins, _name)


@filter_proc()
def suffix(val, suffix):
    return " ".join(word + suffix for word in val.split())


@filter_proc()
def prefix(val, prefix):
    return " ".join(prefix + word for word in val.split())


@filter_proc()
def sort(val):
    return " ".join(sorted(val.split()))


@filter_proc()
def remove(val, remove, sep=None):
    unwanted = remove.split(sep) if isinstance(remove, str) else remove
    return (sep or " ").join(word for word in val.split(sep) if word not in unwanted)
