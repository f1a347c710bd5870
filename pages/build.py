"""A site to read: every lab with its saved pictures, and the project's pages, without running them.

    make site        writes site/; open site/index.html, or publish the folder as it is

nbconvert renders cells; formulas become MathML, which browsers show without a script, so that the
site works offline. Links between notebooks become links between pages. A picture without
alternative text, and a link to what the site does not have, end the build with a sentence.
"""

import base64
import html
import json
import re
import shutil
import sys
from itertools import chain
from pathlib import Path, PurePosixPath
from posixpath import normpath
from string import Template

import nbformat
from bs4 import BeautifulSoup, Tag
from latex2mathml.converter import convert
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SITE = ROOT / "site"
PAGES = {
    "README.md": "readme.html",
    "CONTRIBUTING.md": "contributing.html",
    "DATA.md": "data.html",
    "benchmarks/tried.md": "tried.html",
}
FILES = {"LICENSE": "license.txt"}
KINDS = {"image/png": "png", "image/jpeg": "jpg"}
LABS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECTIONS = ["h1", "h2", "h3"]


class Renderer(IPythonRenderer):
    """Markdown as Jupyter reads it, with formulas as MathML."""

    def inline_math(self, body: str) -> str:
        return convert(spaced(body))

    def block_math(self, body: str) -> str:
        return convert(spaced(body), display="block")


def spaced(formula: str) -> str:
    """A formula with the thin space that LaTeX puts between log and its argument."""
    return re.sub(r"\\(log|ln|sin)(?![a-zA-Z]) *(?!\\left|[(_^ ])", r"\\\1\\, ", formula)


def render(markdown: str) -> str:
    """Markdown to HTML."""
    renderer = Renderer(escape=False, exclude_anchor_links=False, anchor_link_text="#")
    return MarkdownWithMath(renderer=renderer).render(markdown)


class Exporter(HTMLExporter):
    """Cells alone, without the page around them."""

    template_name = "basic"

    def markdown2html(self, context, source):
        return render(source)

    def default_filters(self):
        yield from super().default_filters()
        yield "markdown2html", render


def save_pictures(notebook: nbformat.NotebookNode, name: str) -> list[dict]:
    """Write the pictures of a notebook's outputs as files, and put an `img` in their place.

    Args:
        notebook: is changed.
        name: of its page, which begins the names of the files.

    Returns:
        `src` and `alt` of each picture, in order, and its `size` in letters; 0 for a widget's.
    """
    pictures = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for kind in set(KINDS) & set(output.get("data", {})):
                alt = output.metadata.get(kind, {}).get("alt")
                if not alt:
                    sys.exit(f"{name} has a picture without alternative text: run it again.")
                source = f"pictures/{name}_{len(pictures) + 1}.{KINDS[kind]}"
                (SITE / source).write_bytes(base64.b64decode(output.data[kind]))
                size = len(output.data[kind]) if "<Figure" in output.data["text/plain"] else 0
                pictures.append({"src": source, "alt": alt, "size": size})
                shown = f'<img src="{source}" alt="{html.escape(alt)}">'
                output.data = nbformat.from_dict({"text/html": shown})
    return pictures


def place_of(target: str, page: str) -> str:
    """Where the site has what a page links to; pictures and files are copied there.

    Args:
        target: as it stands in the page, relative to the page's own folder.
        page: path of the page's source in the project.
    """
    if target.startswith(("#", "http://", "https://", "mailto:", "pictures/", "data:")):
        return target
    path, _, fragment = target.partition("#")
    path = normpath(str(PurePosixPath(page).parent / path))
    if path in FILES:
        shutil.copy(ROOT / path, SITE / FILES[path])
    elif path.startswith("image/") and (ROOT / path).is_file():
        shutil.copy(ROOT / path, SITE / "image")
    elif path not in PAGES:
        sys.exit(f"{page} links to {target}, which the site does not have.")
    found = FILES.get(path) or PAGES.get(path, path)
    return f"{found}#{fragment}" if fragment else found


def finish(body: str, page: str) -> BeautifulSoup:
    """HTML whose links and pictures are those of the site."""
    soup = BeautifulSoup(body, "html.parser")
    for tag, attribute in (("a", "href"), ("img", "src")):
        for found in soup.find_all(tag, attrs={attribute: True}):
            found[attribute] = place_of(found[attribute], page)
    if any(not picture.get("alt") for picture in soup.find_all("img")):
        sys.exit(f"{page} has a picture without alternative text.")
    for table in soup.find_all("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
    return soup


def text_of(part: Tag) -> str:
    """The words of a part of a page."""
    return " ".join(part.get_text().split())


def sections_of(soup: BeautifulSoup, address: str) -> list[dict]:
    """What the search knows of a page: title, heading, address and text of each section."""
    title = text_of(soup.find("h1")).rstrip("# ")
    sections = []
    for part in soup.find_all([*SECTIONS, "p", "li", "td", "summary"]):
        text = text_of(part)
        if part.name in SECTIONS:
            place = f"{address}#{part['id']}" if part.get("id") else address
            sections.append({"page": title, "title": text.rstrip("# "), "to": place, "text": ""})
        elif sections:
            sections[-1]["text"] += text + " "
    return sections


def write_page(address: str, title: str, links: str, body: str) -> None:
    """Put a body into the frame that every page has."""
    frame = Template((HERE / "page.html").read_text(encoding="utf-8"))
    text = frame.substitute(title=html.escape(title), links=links, body=body)
    (SITE / address).write_text(text, encoding="utf-8")


def neighbours(number: int) -> str:
    """Links to the lab before and the lab after one."""
    links = []
    for step, arrow in ((-1, "← {}"), (1, "{} →")):
        if 0 <= number + step < len(LABS):
            name = LABS[number + step].stem
            words = arrow.format(name.replace("_", " "))
            links.append(f'<a href="{name}.html">{words}</a>')
    return " · ".join(links)


def write_lab(number: int, exporter: Exporter) -> tuple[dict, list[dict]]:
    """Write a lab's page; return its card for the index, and its sections."""
    path = LABS[number]
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if 'find_spec("helpers")' not in cell.source]
    pictures = save_pictures(notebook, path.stem)
    body, _ = exporter.from_notebook_node(notebook)
    soup = finish(body, f"notebooks/{path.name}")
    sections = sections_of(soup, f"{path.stem}.html")
    title, links = sections[0]["page"], neighbours(number)
    write_page(f"{path.stem}.html", title, links, f"{soup}<nav>{links}</nav>")
    says = next(text for text in map(text_of, soup.find_all("p")) if text)
    fullest = max(pictures, key=lambda picture: picture["size"])
    return {"to": f"{path.stem}.html", "title": title, "says": says, **fullest}, sections


def write_markdown(source: str) -> list[dict]:
    """Write a page of the project; return its sections."""
    soup = finish(render((ROOT / source).read_text(encoding="utf-8")), source)
    sections = sections_of(soup, PAGES[source])
    write_page(PAGES[source], sections[0]["page"], "", str(soup))
    return sections


def card(lab: dict) -> str:
    """A lab on the index: its picture, title and first lines, all one link."""
    safe = {name: html.escape(str(text)) for name, text in lab.items()}
    picture = '<img src="{src}" alt="{alt}">'.format(**safe)
    words = '<strong>{title}</strong><span class="says">{says}</span>'.format(**safe)
    return f'<a class="card" href="{safe["to"]}">{picture}{words}</a>'


def write_styles() -> None:
    """The colours of code, for a light and a dark page, and then our own."""
    light, dark = [
        HtmlFormatter(style=name).get_style_defs(".highlight")
        for name in ("default", "github-dark")
    ]
    own = (HERE / "style.css").read_text(encoding="utf-8")
    text = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{own}"
    (SITE / "style.css").write_text(text, encoding="utf-8")


def write_index(labs: list[dict], sections: list[dict]) -> None:
    """The page of all labs, and what its search knows."""
    words = f"const SECTIONS = {json.dumps(sections, ensure_ascii=False)};\n"
    (SITE / "sections.js").write_text(words, encoding="utf-8")
    shutil.copy(HERE / "search.js", SITE)
    body = (HERE / "index.html").read_text(encoding="utf-8")
    body = body.replace("CARDS", "\n".join(map(card, labs)))
    write_page("index.html", "Generative Deep Learning Labs", "", body)


def main() -> None:
    """Write the whole site anew."""
    PAGES.update({f"notebooks/{path.name}": f"{path.stem}.html" for path in LABS})
    shutil.rmtree(SITE, ignore_errors=True)
    for folder in ("pictures", "image"):
        (SITE / folder).mkdir(parents=True)
    write_styles()
    exporter = Exporter()
    labs, known = zip(*[write_lab(number, exporter) for number in range(len(LABS))], strict=True)
    pages = [write_markdown(source) for source in PAGES if source.endswith(".md")]
    write_index(labs, list(chain.from_iterable([*known, *pages])))
    megabytes = sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) / 1e6
    print(f"site/index.html and {len(PAGES)} pages, {megabytes:.1f} MB")


if __name__ == "__main__":
    main()
