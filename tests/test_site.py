"""The site to read: whole, linked within itself, in words where there are pictures, offline."""

import itertools
import re
from urllib.parse import unquote

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, load

BUILD = load("pages/build.py", "build")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a site was built."""
    BUILD.SITE = tmp_path_factory.mktemp("built") / "site"
    BUILD.main()
    return BUILD.SITE


@pytest.fixture(scope="module")
def site(folder):
    """Its pages by name."""
    pages = sorted(folder.glob("*.html"))
    return {page.name: BeautifulSoup(page.read_text(), "html.parser") for page in pages}


def test_there_is_a_page_for_each_notebook_and_an_index_of_them_with_pictures(site):
    notebooks = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assert set(site) >= {"index.html", "readme.html", *(f"{name}.html" for name in notebooks)}
    cards = site["index.html"].select("a.card")
    assert [card["href"] for card in cards] == [f"{name}.html" for name in notebooks]
    assert all(card.find("img") and card.find("strong").text for card in cards)
    for before, after in itertools.pairwise(notebooks):
        assert site[f"{before}.html"].select(f'nav a[href="{after}.html"]')
        assert site[f"{after}.html"].select(f'nav a[href="{before}.html"]')


def broken(site, folder):
    """Links and pictures that lead nowhere within the site."""
    lost = []
    for name, page in site.items():
        for tag, attribute in (("a", "href"), ("img", "src"), ("script", "src"), ("link", "href")):
            for found in page.find_all(tag, attrs={attribute: True}):
                path, _, fragment = found[attribute].partition("#")
                if path.startswith(("http", "data:")):
                    continue
                target = site.get(path or name)
                gone = not (folder / (path or name)).is_file()
                if gone or (
                    fragment and not (target and target.find(id=[fragment, unquote(fragment)]))
                ):
                    lost.append((name, found[attribute]))
    return lost


def test_no_link_is_broken(site, folder):
    assert broken(site, folder) == []


def test_a_broken_link_is_seen(folder):
    faulty = '<a href="nowhere.html"></a><a href="#none"></a><img src="pictures/none.png">'
    page = {"index.html": BeautifulSoup(faulty, "html.parser")}
    assert [link for _, link in broken(page, folder)] == [
        "nowhere.html",
        "#none",
        "pictures/none.png",
    ]


def test_every_picture_has_words_and_none_was_lost(site):
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
        saved = [o for o in outputs if set(BUILD.KINDS) & set(o.get("data", {}))]
        shown = site[f"{path.stem}.html"].select('img[src^="pictures/"]')
        assert len(shown) == len(saved) > 0
    pictures = [picture for page in site.values() for picture in page.find_all("img")]
    assert all(picture["alt"].strip() for picture in pictures)


def test_nothing_is_fetched_from_elsewhere_and_formulas_are_no_source(site):
    for name, page in site.items():
        fetched = page.select('script[src^="http"], link[href^="http"], img[src^="http"]')
        assert not fetched, name
        for code in page.select("pre, code"):
            code.extract()
        assert not re.search(r"\$[^$\s][^$\n]*\$|\\frac|\\mathrm", page.get_text()), name
    assert sum(len(page.find_all("math")) for page in site.values()) > 100


@pytest.mark.parametrize(
    ("formula", "spaced"),
    [
        (r"\log p(x)", r"\log\, p(x)"),
        (r"\log\sigma", r"\log\, \sigma"),
        (r"\log(1 - D)", r"\log(1 - D)"),
        (r"\log\left(x\right)", r"\log\left(x\right)"),
        (r"\log_{10} x", r"\log_{10} x"),
        (r"\sin\omega t \ln 2", r"\sin\, \omega t \ln\, 2"),
        (r"\single \lnot p", r"\single \lnot p"),
    ],
)
def test_a_function_stands_apart_from_its_argument(formula, spaced):
    assert BUILD.spaced(formula) == spaced


def test_the_site_is_small(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 25e6


@pytest.mark.parametrize(
    ("markdown", "said"),
    [
        ("# A\n\n![](image/gan.svg)", "README.md has a picture without alternative text"),
        ("# A\n\n[x](helpers/vae.py)", "README.md links to helpers/vae.py, which the site does"),
        ("# A\n\n![x](image/none.svg)", "README.md links to image/none.svg, which the site"),
    ],
)
def test_a_page_that_would_be_broken_is_named(site, markdown, said):
    with pytest.raises(SystemExit, match=said):
        BUILD.finish(BUILD.render(markdown), "README.md")


def test_a_picture_of_a_notebook_without_words_is_named():
    data = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure: x>"}
    cell = nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", data)])
    with pytest.raises(SystemExit, match="07_x has a picture without alternative text"):
        BUILD.save_pictures(nbformat.v4.new_notebook(cells=[cell]), "07_x")
