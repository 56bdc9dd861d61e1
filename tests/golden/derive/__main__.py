"""
Derives the expected values of the golden cases from BitBake itself.

    python3 tests/golden/derive --bitbake DIR [--check] [--only WORD]

DIR is a BitBake 2.19 source tree. Without --check the files are rewritten; with it, differences are printed and the exit
code is 1 when there are any. BitBake runs as the user `--user` when this is started by root.
"""

import argparse
import difflib
import json
import os
import pwd
import subprocess
import sys

from forms import read_forms

HERE = os.path.dirname(os.path.abspath(__file__))


def ask_bitbake(arguments, requests):
    """The answers, in the order of the requests. One process that forks for each, so that no case sees another."""
    command = [
        arguments.python,
        "-I",
        "-W",
        "ignore",
        os.path.join(HERE, "oracle.py"),
        os.path.abspath(arguments.bitbake),
    ]
    options = {}
    if os.geteuid() == 0:
        options = {"user": arguments.user, "group": pwd.getpwnam(arguments.user).pw_gid, "extra_groups": []}
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "en_US.UTF-8", "HOME": "/nonexistent"}
    done = subprocess.run(
        command,
        input="".join(json.dumps(request) + "\n" for request in requests),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd="/",
        check=True,
        **options,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description="Golden cases from BitBake.")
    parser.add_argument("--bitbake", required=True, help="BitBake's source tree")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when something differs")
    parser.add_argument("--only", default="", help="files with this word in their path")
    parser.add_argument("--user", default="nobody", help="who runs BitBake when root starts this")
    parser.add_argument("--python", default="/usr/bin/python3", help="what runs BitBake")
    arguments = parser.parse_args()

    golden = os.path.dirname(HERE)
    forms = [form for form in read_forms(golden) if arguments.only in form.path]
    requests = [request for form in forms for request in form.requests]
    answers = ask_bitbake(arguments, requests)
    at = different = 0
    for form in forms:
        count = len(form.requests)
        text = form.text(answers[at : at + count])
        at += count
        present = form.present()
        if text == present and os.path.exists(form.path):
            continue
        different += 1
        name = os.path.relpath(form.path, golden)
        if arguments.check:
            lines = difflib.unified_diff(
                present.split("\n"), text.split("\n"), f"{name} as it is", "of BitBake", lineterm="", n=2
            )
            print("\n".join(lines))
        else:
            with open(form.path, "w", encoding="utf-8") as file:
                file.write(text)
            print(f"written: {name}")
    print(f"{len(requests)} cases, {different} of {len(forms)} files differ")
    return 1 if arguments.check and different else 0


if __name__ == "__main__":
    sys.exit(main())
