"""Requests that schemathesis makes of the OpenAPI document, well-formed and not: no 500, and nothing undocumented comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi import checks as openapi

from server.web.openapi.document import document
from tests.support.releases import suit_release
from tests.support.site import Site, site

pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")  # as in server/__main__.py
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.unsupported_method,
]
"""Not whether all that the document allows is accepted: whether files fit together is more than a schema can say."""
BOUNDED = hypothesis.settings(
    max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(hypothesis.HealthCheck)
)
load_all_checks()




class Door:
    """The application that schemathesis asks: the server of the test that runs."""

    def __init__(self) -> None:
        self.server: Site | None = None

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        assert self.server is not None
        return self.server.app({"REMOTE_ADDR": "127.0.0.1", **environ}, start_response)


door = Door()
api = schemathesis.openapi.from_dict(document()).exclude(path="/api/v1/events")
"""All but the stream, which has no end."""
api.app = door


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    top = tmp_path_factory.mktemp("open")
    suit_release(top / "fw" / "v1", 7)
    with site(top) as door.server:
        yield


@pytest.mark.usefixtures("server")
@api.parametrize()
@BOUNDED
def test_no_answer_is_undocumented(case: Case) -> None:
    case.call_and_validate(checks=CHECKS)
