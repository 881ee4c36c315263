"""The OpenAPI document of the HTTP API, which the server itself serves; tests/integration/test_openapi.py keeps it true."""

from __future__ import annotations

from common import __version__
from server.web.openapi.fleet_paths import fleet_paths
from server.web.openapi.fleet_shapes import fleet_shapes
from server.web.openapi.release_paths import release_paths
from server.web.openapi.release_shapes import release_shapes
from server.web.openapi.words import IF_NONE_MATCH, NOT_MODIFIED, Json, answer, error_answers, json_answer, reading

PATH = "/api/v1/openapi.json"


def document() -> Json:
    """All of it but the pages for people, as OpenAPI 3.1 has it."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OTA Server",
            "version": __version__,
            "description": "What programs ask of a gateway that serves firmware: publish, notify, watch.",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "paths": release_paths() | fleet_paths() | _server_paths(),
        "components": {
            "schemas": release_shapes() | fleet_shapes(),
            "responses": error_answers(),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "With the right to publish, notify or remove."}
            },
        },
    }


def _server_paths() -> Json:
    described = answer("OpenAPI 3.1.") | {"content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "/healthz": {"get": reading(
            "getHealth", "For monitors.",
            {200: json_answer("All is well.", "health"), 503: json_answer("It is degraded or failing.", "health")}, page=True,
        )},
        "/metrics": {"get": reading(
            "getMetrics", "Counts in Prometheus' format.", {200: answer("Counts.", "text/plain")}, page=True
        )},
        PATH: {"get": reading(
            "getDescription", "This document.", {200: described, 304: NOT_MODIFIED}, parameters=(IF_NONE_MATCH,)
        )},
    }  # fmt: skip
