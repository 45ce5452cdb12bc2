"""Hooks of `make docs` (mkdocs): files outside docs/, and the reference made from docstrings.

Pages link to files of the repository (`../benchmarks/results/tile_bert.json`), as a git host wants
it. Here README, CONTRIBUTING and CHANGELOG become pages of the site, every other linked file is
copied below `files/`, and the links are turned to where things are. A link to nothing is a warning,
which `mkdocs build --strict` makes an error.
"""

from __future__ import annotations

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs_reference import reference_pages

log = logging.getLogger("mkdocs.hooks.docs")

# Repository path of a text that is not in docs/, and its page.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/results/README.md": "results/commands.md",
}
FILES = "files"
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^()\s]+)(\))")
_CODE = re.compile(r"(^```.*?^```[^\n]*$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reference to the navigation, and pages that exist in some checkouts only."""
    reference = [{name: path} for name, path, _ in reference_pages()]
    nav = list(config.nav or [])
    if (Path(config.docs_dir) / "keys.md").exists():
        # Beside the page of the run directory.
        for section in nav:
            if isinstance(section, dict) and isinstance(section.get("How to use it"), list):
                section["How to use it"].insert(0, "keys.md")
    config.nav = [*nav[:-1], {"Python reference": reference}, *nav[-1:]]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages made here and the files that pages link to."""
    root = Path(config.docs_dir).parent
    for source, page in PAGES.items():
        if (root / source).exists():
            text = (root / source).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=text))
    for source in sorted(_linked(root, files)):
        files.append(File.generated(config, f"{FILES}/{source}", abs_src_path=str(root / source)))
    for _, path, text in reference_pages():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn a page's links from repository paths to places in the site."""
    source = _source(page.file.src_uri)
    folder = posixpath.dirname(page.file.src_uri)
    root = Path(config.docs_dir).parent

    def turned(match: re.Match[str]) -> str:
        target, _, anchor = match[2].partition("#")
        path = _repository_path(source, target)
        if path is None:
            return match[0]
        place = _place(path)
        if files.get_file_from_path(place) is None:
            log.warning("%s: link to %s, which is no file of the repository", source, match[2])
            return match[0]
        if (root / path).is_dir():
            return match[0]
        uri = posixpath.relpath(place, folder or ".")
        return f"{match[1]}{uri}{'#' + anchor if anchor else ''}{match[3]}"

    pieces = _CODE.split(markdown)
    return "".join(piece if i % 2 else _LINK.sub(turned, piece) for i, piece in enumerate(pieces))


def _linked(root: Path, files: Files) -> set[str]:
    """Repository paths outside docs/ that pages link to and that are no pages."""
    found = set()
    for file in files.documentation_pages():
        source = _source(file.src_uri)
        text = "".join(_CODE.split(file.content_string)[::2])
        for match in _LINK.finditer(text):
            path = _repository_path(source, match[2].partition("#")[0])
            if path is None or path.startswith("docs/") or path in PAGES:
                continue
            if (root / path).is_file():
                found.add(path)
    return found


def _repository_path(source: str, target: str) -> str | None:
    """Where a link of the file `source` leads, as a repository path; None for other links."""
    if not target or ":" in target or target.startswith("/"):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _source(page: str) -> str:
    """Repository path of a page's text."""
    for source, generated in PAGES.items():
        if page == generated:
            return source
    return f"docs/{page}"


def _place(path: str) -> str:
    """Path in the site's sources of a file of the repository."""
    if path in PAGES:
        return PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{FILES}/{path}"
