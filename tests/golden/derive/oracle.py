"""
Answers requests, one JSON text a line, with what BitBake makes of them: `oracle.py BITBAKE < requests > answers`.

Each request runs in a child of its own, which ends with it: BitBake keeps much in modules.
"""

import json
import os
import shutil
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(sys.argv[1], "lib"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

import bb  # noqa: E402
import bb.parse  # noqa: E402, F401
import ask_datastore  # noqa: E402
import ask_fetch  # noqa: E402
import ask_project  # noqa: E402
import ask_text  # noqa: E402

KINDS = {
    "calls": ask_datastore.calls,
    "file": ask_datastore.file,
    "project": ask_project.project,
    "syntax": ask_text.syntax,
    "shell": ask_text.shell,
    "python": ask_text.python,
    "url": ask_fetch.url,
    "mirrors": ask_fetch.mirrors,
}


def write_files(folder, files):
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)


def in_child(request):
    """The answer of a forked child, in a folder of its own that is the working directory."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="golden-"))
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(receive)
            os.dup2(2, 1)
            os.chdir(folder)
            write_files(folder, request.get("files", {}))
            answer = KINDS[request["kind"]](request, folder)
            with os.fdopen(send, "w", encoding="utf-8") as file:
                json.dump(answer, file)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(send)
    with os.fdopen(receive, encoding="utf-8") as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    shutil.rmtree(folder, ignore_errors=True)
    if status != 0:
        raise SystemExit(f"the child failed for {json.dumps(request)}")
    return text


def main():
    os.umask(0o022)
    for line in sys.stdin:
        print(in_child(json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
