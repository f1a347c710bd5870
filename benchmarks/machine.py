"""On which machine, and with which code, is this measured?"""

import hashlib
import os
import platform
import subprocess
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ("helpers/**/*.py", "benchmarks/*.py", "checkpoints/*.json")


def this_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> dict:
    """Processor, threads, AVX-512 (None where the system does not tell), TensorFlow's version."""
    import tensorflow as tf  # not before `runtime.prepare`, which mutes its log

    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    models = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    gpus = tf.config.list_physical_devices("GPU")
    return {
        "processor": models[0] if models else platform.processor() or platform.machine(),
        "threads": int(os.environ["TF_NUM_INTRAOP_THREADS"]),
        "avx512": "avx512f" in text.split() if text else None,
        "gpus": len(gpus),
        "tensorflow": tf.__version__,
    }


def words(machine: dict) -> str:
    """A machine in one line."""
    avx = {True: "with AVX-512", False: "without AVX-512", None: "AVX-512 not noted"}
    parts = [machine["processor"], f"{machine['threads']} threads", avx[machine["avx512"]]]
    parts += [f"{machine['gpus']} GPU"] if machine["gpus"] else []
    return ", ".join([*parts, f"TensorFlow {machine['tensorflow']}"])


def code(lab: str) -> str:
    """Fingerprint of what could change a lab's numbers.

    That is the helpers, the benchmarks, the settings of the checkpoints and the lab's own code.
    """
    digest = hashlib.sha256()
    for pattern in MEASURED:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    for path in ROOT.glob(f"notebooks/{lab}_*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        sources = [cell.source for cell in cells if cell.cell_type == "code"]
        digest.update("\n".join(sources).encode())
    return digest.hexdigest()[:12]


def commit() -> str:
    """The last commit's short name, with a + where measured files differ from it."""
    folders = ("helpers", "benchmarks/*.py", "checkpoints", "notebooks")
    options = {"cwd": ROOT, "capture_output": True, "text": True}
    head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], **options)
    changed = subprocess.run(["git", "status", "--porcelain", "--", *folders], **options)
    return head.stdout.strip() + ("+" if changed.stdout else "") if not head.returncode else "none"


def sitting(lab: str) -> dict:
    """What is noted with each record of a lab."""
    date = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return {"date": date, "commit": commit(), "code": code(lab), "machine": this_machine()}
