"""
The one link of `bb` to the engine. Three implementations stand behind `current`:
none (while a memory snapshot is made), pyodide's JavaScript objects, and pipes of a task process.

A store is any object with the methods of StoreAdapter (packages/python/src/interpreter/python-datastore.ts): getVar, setVar, ...
"""


class NoBackend:
    """Before the engine is attached: messages are dropped, everything else is a bug."""

    is_task = False

    def message(self, level, text):
        pass

    def __getattr__(self, name):
        raise RuntimeError("internal: '%s' was asked for before the engine was attached" % name)


current = NoBackend()


def use(backend):
    """Makes `backend` the one that `bb` talks to."""
    global current
    current = backend


def message(level, text):
    """level: debug, plain, note, warning or error."""
    current.message(level, text)
