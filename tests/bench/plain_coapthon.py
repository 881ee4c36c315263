"""A plain CoAPthon3 server of one text resource: `python -m tests.bench.plain_coapthon PORT PATH FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from coapthon.resources.resource import Resource
from coapthon.server.coap import CoAP


class Text(Resource):
    """One payload for every GET."""

    def __init__(self, payload: str) -> None:
        super().__init__("Text", observable=False)
        self.payload = payload

    def render_GET(self, request: Any) -> Resource:  # noqa: ARG002
        return self


if __name__ == "__main__":
    server = CoAP(("::", int(sys.argv[1])))
    server.add_resource(sys.argv[2], Text(Path(sys.argv[3]).read_text("ascii")))
    server.listen()
