"""Links of the texts lead to files and headings of the repository."""

import posixpath
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder, pattern in ((".", "*.md"), ("docs", "**/*.md"), ("benchmarks/results", "*.md"))
    for path in (ROOT / folder).glob(pattern)
)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def headings(text: str) -> set[str]:
    """Anchors of a text's headings, as git hosts and the site make them."""
    found = re.findall(r"^#+ +(.+?) *$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title.lower())) for title in found}


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    text = CODE.sub("", (ROOT / name).read_text(encoding="utf-8"))
    broken = []
    for link in LINK.findall(text):
        if ":" in link:
            continue
        target, _, anchor = link.partition("#")
        path = ROOT / posixpath.normpath(posixpath.join(posixpath.dirname(name), target or "."))
        path = path if target else ROOT / name
        is_known = path.is_file() and (
            not anchor or anchor in headings(path.read_text(encoding="utf-8"))
        )
        if not is_known:
            broken.append(link)
    assert not broken


def test_every_page_is_in_the_navigation():
    """A page that is not listed in mkdocs.yml (or added by its hooks) is found by nobody."""
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    hooks = (ROOT / "tools" / "docs_hooks.py").read_text(encoding="utf-8")
    for name in TEXTS:
        page = name.removeprefix("docs/")
        if name.startswith("docs/"):
            assert f"- {page}\n" in listed or f'"{page}"' in hooks
