"""Run notebooks from top to bottom as a learner would, and say how long each and its cells took.

    python tests/run_notebook.py notebooks/07_vae_mnist.ipynb            outputs are thrown away
    python tests/run_notebook.py --save notebooks/07_vae_mnist.ipynb     outputs are kept

`GDL_BUDGET=full` makes it the long run behind the checkpoints; `GDL_KERNEL` names the kernel. What
is saved is what anyone can show: widgets as their static picture, no widget state, kernel python3.
"""

import argparse
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import nbclient
import nbformat
from jupyter_client.kernelspec import NoSuchKernel

STATES = ("busy", "idle")
VIEW = "application/vnd.jupyter.widget-view+json"


def run(path: Path) -> nbformat.NotebookNode:
    """Execute one notebook in its own folder and return it with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    kernel = os.environ.get("GDL_KERNEL", "gdl-cpu")
    how = {"timeout": None, "coalesce_streams": True}  # one output for many prints in a cell
    folder = {"metadata": {"path": str(path.parent)}}
    nbclient.NotebookClient(notebook, kernel_name=kernel, resources=folder, **how).execute()
    return notebook


def slowest(notebook: nbformat.NotebookNode, count: int = 3) -> str:
    """The cells that took longest, by the times that nbclient notes: number from 0, and seconds."""
    seconds = {}
    for number, cell in enumerate(notebook.cells):
        noted = cell.metadata.get("execution", {})
        if "iopub.status.idle" in noted:
            begin, end = (datetime.fromisoformat(noted[f"iopub.status.{s}"]) for s in STATES)
            seconds[number] = (end - begin).total_seconds()
    longest = sorted(seconds, key=seconds.get, reverse=True)[:count]
    return ", ".join(f"cell {number} {seconds[number]:.0f} s" for number in longest)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Keep only what a static viewer can show, and nothing that changes from run to run."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(VIEW, None)


def main() -> None:
    """Run the notebooks named on the command line; stop at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--save", action="store_true", help="keep the outputs")
    parser.add_argument("notebooks", nargs="+", type=Path)
    arguments = parser.parse_args()
    os.environ["GDL_EXERCISES"] = "off"  # what a learner solved is in no saved output
    for path in arguments.notebooks:
        start = time.perf_counter()
        try:
            notebook = run(path)
        except nbclient.exceptions.CellExecutionError as error:
            sys.exit(f"{path.name} failed:\n{error}")
        except (NoSuchKernel, FileNotFoundError) as error:
            sys.exit(f"{path.name} was not run: {error}.")
        longest = slowest(notebook)
        if arguments.save:
            clean(notebook)
            nbformat.write(notebook, path)
        print(f"{path.name}: {time.perf_counter() - start:.0f} s ({longest})", flush=True)


if __name__ == "__main__":
    main()
