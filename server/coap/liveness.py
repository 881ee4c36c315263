"""Whether the CoAP side is alive, also while more datagrams come than it can read: that is no reason to end it.

The self-check's request is one of those that the kernel drops then, or waits behind more of them than can be read in time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from server.coap.receive_queue import QueueState
from server.coap.selfcheck import Silence

_FLOODED = "Devices are not answered in time: more datagrams come than the server can read. "
_log = logging.getLogger(__name__)


class Liveness:
    """Threads: one calls `check`; any reads `strain`."""

    def __init__(
        self, ask: Callable[[float], str | None], taken: Callable[[], int], look: Callable[[], QueueState | None]
    ) -> None:
        """`ask` is the self-check's; `taken`: datagrams that the receive loop took out of its queue; `look`: at that queue."""
        self._ask = ask
        self._taken = taken
        self._look = look
        self.strain = ""
        """While devices are not answered in time, that, for a person, with a space behind."""

    def check(self, limit: float) -> str | None:
        """None when the server answered itself within `limit` seconds, or was flooded and went on receiving; else a sentence."""
        taken, before = self._taken(), self._look()
        trouble = self._ask(limit)
        after = self._look()
        is_flooded = (
            isinstance(trouble, Silence)
            and self._taken() > taken
            and before is not None
            and after is not None
            and (after.drops > before.drops or min(before.waiting, after.waiting) > 0)
        )
        if is_flooded and not self.strain:
            _log.warning("%sLook who sends so much.", _FLOODED)
        elif self.strain and not is_flooded:
            _log.info("the flood of datagrams is over")
        self.strain = _FLOODED if is_flooded else ""
        return None if is_flooded else trouble
