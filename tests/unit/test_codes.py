"""The registry of codes: what README says of it, what is made of it, and that nothing else can be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from common.checks.codes import CODES, error, info, warning
from common.finding import Severity
from common.preflight import check
from tests.support.cases import Case, made

README = Path(__file__).parents[2] / "README.md"
CASES = list(made())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_gives_what_it_was_made_for(case: Case) -> None:
    found = check(case.files, case.facts, case.keys).findings
    assert [(f.severity, f.code, f.file) for f in found] == list(case.found)
    missing = [text for text in case.says if text not in found[0].message]
    assert not missing, found[0].message


def test_each_code_and_severity_has_a_case() -> None:
    given = {(code, severity) for case in CASES for severity, code, _ in case.found}
    given.add(("being-written", Severity.INFO))  # what the folder's look finds, before there is anything to check
    assert given == {(name, severity) for name, code in CODES.items() for severity in code.severities}


def test_readme_has_the_registry_as_its_table() -> None:
    section = README.read_text().split("\n## What is checked\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\S+)` \| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert rows == [(name, " or ".join(code.severities), code.meaning) for name, code in CODES.items()]


def test_an_unknown_code_or_severity_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        error("no-such-code", "What?")
    with pytest.raises(ValueError, match="not-suit is no warning"):
        warning("not-suit", "What?")


def test_a_message_has_nothing_that_steers_a_terminal() -> None:
    assert info("not-suit", "a\x1b[31mb\nc").message == "a�[31mb�c"
