"""`python -m server.rehearsal`: simulated RIOT devices, to try a release without hardware."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from types import FrameType
from typing import NoReturn

from common.errors import ConfigError
from server.rehearsal import arguments
from server.rehearsal.arguments import Options
from server.rehearsal.console import JsonConsole, SerialConsole
from server.rehearsal.faults import Fault
from server.rehearsal.fleet import Fleet
from server.rehearsal.loop import Loop
from server.rehearsal.profile import Profile

EXIT_CONFIG = 78


def main(given: list[str]) -> int:
    """The exit status: 0 done or interrupted, 1 a device without a fault did not update, 78 it could not start as asked."""
    try:
        options = arguments.read(given)
        if options.list_faults:
            for fault in Fault:
                print(f"{fault:18} {fault.meaning}")
            return 0
        signal.signal(signal.SIGTERM, _stop)
        return _rehearse(options, _profile(options))
    except ConfigError as error:
        print(f"rehearsal: {error}", file=sys.stderr)
        return EXIT_CONFIG
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
        return 0


def _rehearse(options: Options, profile: Profile) -> int:
    console = JsonConsole(sys.stdout) if options.json else SerialConsole(sys.stdout)
    with (
        Loop(time.monotonic, options.speed) as loop,
        Fleet(loop, console, options.block, options.loss, options.delay, options.seed) as fleet,
    ):
        fleet.start(options.address, options.port, profile, options.faults)
        for device in fleet.devices:
            if options.json:
                console.say(device.address, "listening", "", url=device.url)
            else:
                print(device.url, flush=True)
        loop.run(lambda: options.until_done and fleet.done)
        return 0 if fleet.as_expected else 1


def _profile(options: Options) -> Profile:
    if options.trust_keys is None:
        return options.profile
    from common.trust import TrustedKeys  # cryptography takes 12 MB, which a rehearsal without keys keeps

    return replace(options.profile, trusts=TrustedKeys.load(options.trust_keys).fits)


def _stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    """SIGTERM ends it as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
