#!/usr/bin/env python3
"""Asks kas what the cases of `project/` mean, and writes what differs: see README.md."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent / "project"
# Whatever the day and the user: the commits of a case are always the same.
COMMIT = {
    **{f"GIT_{who}_{what}": "tsbake" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    **{f"GIT_{who}_DATE": "@1700000000 +0000" for who in ("AUTHOR", "COMMITTER")},
}
# The build environment is OE-core's, which is not there; nothing of it is in the two files.
START = (
    "import kas.libcmds; kas.libcmds.SetupEnviron.execute = lambda self, ctx: None;"
    "from kas.kas import main; main()"
)
VALUES = {
    "nothing": None,
    "text": "x",
    "number": 7,
    "true": True,
    "false": False,
    "list": ["x"],
    "mapping": {"x": "x"},
    "empty": {},
}


def git(folder, *words):
    command = ["git", "-c", "init.defaultBranch=main", *words]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **COMMIT}, capture_output=True, check=True)
    return done.stdout.decode().strip()


def sections(text):
    """Of a file of cases: (title, {name: text}) each; answers begin with `--> `."""
    for part in re.split(r"^=== ", text, flags=re.M)[1:]:
        title, _, body = part.partition("\n")
        pieces = re.split(r"^(---|-->) (.*)\n", body, flags=re.M)
        yield title, [(pieces[at], pieces[at + 1], pieces[at + 2]) for at in range(1, len(pieces), 3)]


def lay_out(root, pieces):
    """Writes the files of a case. Returns (words, environment)."""
    words, environment, remotes, files = ["kas.yml"], {}, {}, {}
    for kind, name, text in pieces:
        if kind == "-->":
            continue
        if name == "ask":
            for line in text.split():
                if "=" in line:
                    variable, _, value = line.partition("=")
                    environment[variable] = value.replace(",", " ")
                else:
                    words = [line]
        elif name == "layers":
            files.update({f"{layer}/conf/layer.conf": "" for layer in text.split()})
        else:
            files[name] = text.replace("\n\\---", "\n---").removeprefix("\\")
    for name, text in files.items():
        if name.startswith("remote:"):
            remotes.setdefault(name[len("remote:") :].split("/")[0], {})[name[len("remote:") :]] = text
    commits = {}
    for remote, own in remotes.items():
        for name, text in own.items():
            write(root / "remotes" / name, text.replace("REMOTES", f"file://{root}/remotes"))
        folder = root / "remotes" / remote
        git(folder, "init", "-q")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "one")
        git(folder, "tag", "v1")
        commits[remote] = git(folder, "rev-parse", "HEAD")
    for name, text in files.items():
        if not name.startswith("remote:"):
            for remote, commit in commits.items():
                text = text.replace(f"@{remote}@", commit)
            write(root / "project" / name, text.replace("REMOTES", f"file://{root}/remotes"))
    return words, environment


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def ask(kas, pieces):
    with tempfile.TemporaryDirectory(prefix="ask-kas-") as folder:
        words, environment = lay_out(Path(folder), pieces)
        plain = {key: value for key, value in os.environ.items() if not key.startswith("KAS_")}
        env = {**plain, **environment, "PYTHONPATH": str(kas)}
        command = [sys.executable, "-c", START, "checkout", *words]
        done = subprocess.run(command, cwd=f"{folder}/project", env=env, capture_output=True, check=False)
        if done.returncode != 0:
            print(*done.stderr.decode().splitlines()[-1:], file=sys.stderr)
            return [("-->", "refused", "")]
        conf = Path(folder) / "project/build/conf"
        return [
            ("-->", name, without_comments((conf / name).read_text()))
            for name in ("local.conf", "bblayers.conf")
        ]


def without_comments(text):
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#") and line.strip())


def answered(kas, text):
    parts = [re.split(r"^=== ", text, flags=re.M)[0]]
    for title, pieces in sections(text):
        asked = [piece for piece in pieces if piece[0] == "---"]
        told = "".join(f"{kind} {name}\n{body}" for kind, name, body in asked + ask(kas, asked))
        parts.append(f"=== {title}\n{told}")
    return "".join(parts)


def paths(schema, at=()):
    """Every key that a schema names; `*` stands for names of people's own."""
    if at:
        yield at
    for part in (schema, *schema.get("anyOf", ())):
        for key, value in part.get("properties", {}).items():
            yield from paths(value, (*at, key))
        more = part.get("additionalProperties")
        if isinstance(more, dict):
            yield from paths(more, (*at, "*"))
        for item in (part.get("items"), *part.get("items", {}).get("anyOf", ())):
            if item and "properties" in item:
                yield from paths(item, (*at, "[]"))
        if part.get("$ref", "").endswith("/layerPrio"):
            yield (*at, "prio")


BESIDE = {
    "header": {"version": 14},
    "header.includes.[]": {"repo": "x", "file": "x"},
    "repos.*.patches.*": {"path": "x"},
    "signers.*": {"repo": "x", "path": "x"},
    "buildtools": {"version": "5.0", "sha256sum": "x"},
}


def document(path, value):
    """A whole file in which `value` stands at `path`."""
    for at in range(len(path), 0, -1):
        key = path[at - 1]
        beside = BESIDE.get(".".join(path[: at - 1]), {}) if at > 1 else {}
        value = [value] if key == "[]" else {**beside, "x" if key == "*" else key: value}
    return {"header": {"version": 14}, **value}


def types(kas):
    schema = json.loads((kas / "kas/schema-kas.json").read_text())
    sys.path.insert(0, str(kas))
    from jsonschema.validators import validator_for  # noqa: PLC0415 -- Debian's, where kas has it from

    validator = validator_for(schema)(schema)
    lines = []
    for path in sorted(set(paths(schema))):
        taken = [name for name, value in VALUES.items() if validator.is_valid(document(path, value))]
        lines.append(f"{'.'.join(path)}: {' '.join(taken) or '-'}\n")
    return "".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kas", type=Path, required=True, help="a source tree of kas 5.4")
    parser.add_argument("--check", action="store_true", help="print what differs, write nothing")
    options = parser.parse_args()
    kas = options.kas.resolve()
    if shutil.which("git") is None:
        sys.exit("there is no git")
    differs = False
    for name, answer in (
        ("kas.txt", lambda text: answered(kas, text)),
        ("kas-types.txt", lambda _: types(kas)),
    ):
        path = HERE / name
        before = path.read_text() if path.exists() else ""
        after = answer(before)
        if after == before:
            continue
        differs = True
        print(f"{name} differs")
        if not options.check:
            path.write_text(after)
    sys.exit(1 if differs and options.check else 0)


main()
