"""What the server of `make lab` does otherwise than others; JUPYTER_CONFIG_PATH names this folder.

uploading    messages may have 100 MB instead of 10, so that a camera's photograph arrives
saving       a widget is kept as its picture: the live one is gone when the kernel is
exporting    a picture gets its title as alternative text; nbconvert's own pages leave it out
"""

import html
import os
import warnings

UPLOAD_MB = 100
VIEW = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg")


def keep_pictures(model, **kwargs):
    """Take the live views out of a notebook that is saved, unless it holds what they need."""
    notebook = model["content"] if model["type"] == "notebook" else None
    if notebook and "widgets" not in notebook["metadata"]:
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                output.get("data", {}).pop(VIEW, None)


def name_pictures(notebook, resources):
    """Make an `img` with its `alt` of every picture whose metadata have one."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in PICTURES:
                text = output.get("metadata", {}).get(kind, {}).get("alt")
                if text and kind in output["data"]:
                    source = f"data:{kind};base64,{output['data'][kind]}"
                    output["data"] = {
                        "text/html": f'<img alt="{html.escape(text)}" src="{source}">'
                    }
    return notebook, resources


warnings.filterwarnings("ignore", "Overriding existing pre_save_hook")  # it is read twice
os.environ["GDL_UPLOAD_MB"] = str(UPLOAD_MB)  # kernels inherit it, and the upload widget says it
c = get_config()  # noqa: F821
c.ServerApp.tornado_settings = {"websocket_max_message_size": UPLOAD_MB * 2**20}
c.ContentsManager.pre_save_hook = keep_pictures
c.HTMLExporter.preprocessors = [name_pictures]
