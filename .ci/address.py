"""Write where the project is published: into pyproject, the first cells, and the badges.

    make address        takes the address of the git remote named origin

Each notebook's first code cell is `.ci/first_cell.py` with the address and the release filled in; a
notebook that lacks it gets it. Nothing else is changed. Standard library only.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BADGE = "[![Open in "
OPENERS = {  # name: its badge, and what it opens; {path} is a file of a release on GitHub
    "Colab": (
        "colab.research.google.com/assets/colab-badge.svg",
        "colab.research.google.com/github/{path}",
    ),
    "Kaggle": (
        "kaggle.com/static/images/open-in-kaggle.svg",
        "kaggle.com/kernels/welcome?src=https://github.com/{path}",
    ),
    "Codespaces": ("github.com/codespaces/badge.svg", "codespaces.new/{repository}"),
}
NEXT = "[project.optional-dependencies]"  # the part of pyproject before which the address stands
FIRST = "00_start_here.ipynb"


def from_remote(remote):
    """The address that anybody can clone from, of a remote over https or ssh.

    Raises:
        ValueError: the remote is no address of the web.
    """
    found = re.fullmatch(r"(?:https://|ssh://git@|git@)([\w.-]+)[:/](.+?)(?:\.git)?/?", remote)
    if not found:
        raise ValueError(f"origin is {remote!r}: publish the project, then `git remote set-url`.")
    return "https://{}/{}".format(*found.groups())


def release(root):
    """The tag of the version that pyproject names."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return "v" + re.search(r'^version = "(.+)"', text, re.M).group(1)


def first_cell(root, address):
    """The source of every notebook's first code cell."""
    text = (root / ".ci" / "first_cell.py").read_text(encoding="utf-8")
    known = f"ADDRESS, RELEASE = {json.dumps(address)}, {json.dumps(release(root))}"
    return text.replace('ADDRESS, RELEASE = "", "v0"', known).rstrip("\n")


def badges(root, address, name):
    """A line of badges that open a notebook; empty for a project that is not on GitHub."""
    if not address.startswith("https://github.com/"):
        return ""
    repository = address.removeprefix("https://github.com/")
    path = f"{repository}/blob/{release(root)}/notebooks/{name}"
    parts = []
    for opener, (badge, target) in OPENERS.items():
        opened = target.format(path=path, repository=repository)
        parts.append(f"{BADGE}{opener}](https://{badge})](https://{opened})")
    return " ".join(parts)


def with_badges(text, line):
    """A page whose third line is a line of badges, where there is one, below its title."""
    title, *rest = text.split("\n")
    if len(rest) > 1 and rest[1].startswith(BADGE):
        rest = rest[2:]
    return "\n".join([title, *(["", line] if line else []), *rest])


def write_notebook(path, root, address):
    """Give a notebook its badges and its first code cell; what was run before keeps its order."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = notebook["cells"]
    title = with_badges("".join(cells[0]["source"]), badges(root, address, path.name))
    cells[0]["source"] = title.splitlines(keepends=True)
    codes = [cell for cell in cells if cell["cell_type"] == "code"]
    if 'find_spec("helpers")' not in "".join(codes[0]["source"]):
        for cell in codes:
            cell["execution_count"] += 1
        new = {"cell_type": "code", "execution_count": 1, "id": "first-cell", "metadata": {}}
        codes.insert(0, {**new, "outputs": [], "source": []})
        cells.insert(1, codes[0])
    codes[0]["source"] = first_cell(root, address).splitlines(keepends=True)
    text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def write(root, address):
    """Write an address everywhere; an empty one takes it away."""
    page = root / "pyproject.toml"
    text = re.sub(r"\[project\.urls\]\n.*\n\n", "", page.read_text(encoding="utf-8"))
    if address:
        urls = f'[project.urls]\nRepository = "{address}"\n\n'
        text = text.replace(NEXT, urls + NEXT)
    page.write_text(text, encoding="utf-8", newline="\n")
    page = root / "README.md"
    text = with_badges(page.read_text(encoding="utf-8"), badges(root, address, FIRST))
    page.write_text(text, encoding="utf-8", newline="\n")
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        write_notebook(path, root, address)


def main():
    """Write the address of the remote; or the one that is given, which may be empty."""
    command = ["git", "remote", "get-url", "origin"]
    try:
        if len(sys.argv) > 1:
            address = sys.argv[1]
        else:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            address = from_remote(done.stdout.strip())
    except ValueError as error:
        sys.exit(str(error))
    write(ROOT, address)
    print(f"The labs say that they are published at {address or 'no address yet'}.")


if __name__ == "__main__":
    main()
