"""What the server of `make lab` does to uploads, saved notebooks and exported pages."""

import asyncio
import os
import re
import subprocess
import types

import nbconvert
import nbformat
import numpy as np
import pytest
from conftest import ROOT
from jupyter_server.services.contents.filemanager import AsyncFileContentsManager
from nbformat import v4
from tornado.websocket import WebSocketHandler
from traitlets.config import Config, PyFileConfigLoader

from helpers import plots

pytestmark = pytest.mark.filterwarnings("ignore:Overriding existing pre_save_hook")
VIEW = "application/vnd.jupyter.widget-view+json"
PIXEL = np.ones((8, 8, 1))


@pytest.fixture(scope="module")
def config():
    """The server's settings, read as Jupyter reads them."""
    before = os.environ.get("GDL_UPLOAD_MB")
    settings = PyFileConfigLoader("jupyter_server_config.py", str(ROOT / ".ci")).load_config()
    yield settings
    os.environ.pop("GDL_UPLOAD_MB") if before is None else os.environ.update(GDL_UPLOAD_MB=before)


def test_make_lab_starts_its_server_with_these_settings():
    said = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True).stdout
    (folder,) = re.findall(r'JUPYTER_CONFIG_PATH="([^"$:]+)', said)
    assert os.path.isfile(os.path.join(folder, "jupyter_server_config.py"))


def test_a_websocket_takes_what_the_upload_widget_promises(config):
    settings = config.ServerApp.tornado_settings
    handler = types.SimpleNamespace(settings=settings)
    assert WebSocketHandler.max_message_size.fget(handler) == 100 * 2**20
    assert os.environ["GDL_UPLOAD_MB"] == "100"
    handler.settings = {}
    assert WebSocketHandler.max_message_size.fget(handler) == 10 * 2**20


def saved(config, folder, metadata=None):
    """What the server keeps of a widget, a foreign widget and a picture."""
    shown, alternative = plots.bundle(PIXEL, "a white square")
    view = {VIEW: {"model_id": "1", "version_major": 2, "version_minor": 0}}
    datas = [{**view, **shown, "text/plain": "<Lab>"}, {**view, "text/plain": "IntSlider()"}, shown]
    outputs = [v4.new_output("display_data", data, metadata=alternative) for data in datas]
    notebook = v4.new_notebook(
        cells=[v4.new_code_cell("", outputs=outputs)], metadata=metadata or {}
    )
    manager = AsyncFileContentsManager(root_dir=str(folder), config=config)
    model = {"type": "notebook", "format": "json", "content": notebook}
    asyncio.run(manager.save(model, "mine.ipynb"))
    return nbformat.read(folder / "mine.ipynb", as_version=4).cells[0].outputs


def test_a_saved_widget_is_its_picture(config, tmp_path):
    own, foreign, picture = saved(config, tmp_path)
    assert list(own.data) == ["image/png", "text/plain"] and list(picture.data) == ["image/png"]
    assert (
        list(foreign.data) == ["text/plain"] and own.metadata["image/png"].alt == "a white square"
    )


def test_views_stay_where_the_state_of_widgets_is_saved(config, tmp_path):
    own, foreign, _ = saved(config, tmp_path, {"widgets": {"state": {}}})
    assert VIEW in own.data and VIEW in foreign.data


def exported(config, *outputs):
    """The page that nbconvert makes of one cell with these outputs, `(data, metadata)` each."""
    shown = [v4.new_output("display_data", data, metadata=m) for data, m in outputs]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("", outputs=shown)])
    return nbconvert.HTMLExporter(config=config).from_notebook_node(notebook)[0]


@pytest.mark.parametrize("kind", ["image/png", "image/jpeg"])
def test_an_exported_page_names_every_picture(config, kind):
    noise = np.random.default_rng(0).normal(0, 0.05, (200, 200, 3))
    titled = plots.bundle(PIXEL if kind == "image/png" else 0.5 + noise, 'noise & "more"')
    chart = plots.bars("four bars", np.arange(4), "x", "y")._repr_mimebundle_()
    assert list(titled[0]) == [kind]
    page = exported(config, titled, chart)
    assert """alt='noise &amp; "more"'""" in page and 'alt="four bars"' in page
    assert page.count("<img") == 2 and titled[0][kind] in page
    assert "No description has been provided" in exported(Config(), titled)
