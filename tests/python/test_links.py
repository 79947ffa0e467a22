"""What the pages link to is there."""

import re
from pathlib import Path

from demo import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / "deploy").rglob("*.md"))


def without_blocks(page: Path) -> str:
    """A page's text, its fenced blocks left out."""
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The names that a page's headings can be linked by."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE)
    # A heading's link, `[text](target)`, counts as its text.
    texts = [re.sub(r"\[(.+?)\]\(.+?\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-") for text in texts}


def test_every_link_between_pages_leads_to_a_file_and_a_heading() -> None:
    broken, links = [], 0
    for page in PAGES:
        for link in re.findall(r"\]\(([^)\s]+)\)", without_blocks(page)):
            if re.match(r"https?:", link):
                continue
            links += 1
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            is_page = target.suffix == ".md" and target.is_file()
            if not target.exists() or (anchor and is_page and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert links > 100
    assert not broken, "\n".join(broken)
