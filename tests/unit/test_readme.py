"""README.md: what it links to is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = re.sub(r"(?ms)^\s*```.*?^\s*```", "", (ROOT / "README.md").read_text())


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def test_every_link_within_it_leads_to_a_heading_and_the_table_on_top_to_every_section() -> None:
    headings = re.findall(r"(?m)^##+ (.*)$", TEXT)
    linked = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert linked <= {_anchor(heading) for heading in headings}
    assert len(set(headings)) == len(headings)
    top = set(re.findall(r"\]\(#([^)]+)\)", TEXT.partition("\n## ")[0]))
    assert {_anchor(section) for section in re.findall(r"(?m)^## (.*)$", TEXT)} <= top


def test_files_that_it_names_are_there() -> None:
    for file in re.findall(r"\]\(([A-Z][^)#]*)\)|(?:src|srcset)=\"([^\"]+)\"", TEXT):
        assert (ROOT / "".join(file)).is_file(), file
