"""One update of one device: manifest, checks, image, checks (RIOT: sys/suit/transport/worker.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from common.claims import ImageClaim
from common.manifest import Manifest
from server.rehearsal.checks import INVALID, MANIFEST_BYTES, MEMORY, SIGNATURE, Unfit, Wanted, check_image, check_manifest
from server.rehearsal.faults import Fault
from server.rehearsal.fetch import Fetch, Way
from server.rehearsal.flash import Flash
from server.rehearsal.profile import Profile
from server.rehearsal.uris import parse


class Say(Protocol):
    """A console for one device."""

    def __call__(self, event: str, line: str, error: int | None = None, **facts: object) -> None:
        """See Console.say."""


class Update:
    """From the manifest's URL to an image in the inactive slot. Exactly one of the three callables is its last act."""

    def __init__(
        self,
        profile: Profile,
        way: Way,
        flash: Flash,
        say: Say,
        installed: Callable[[], None],
        failed: Callable[[int | None, str], None],
        middle: Callable[[], bool],
    ) -> None:
        """`failed`: RIOT's number, where it has one, and why. `middle`: half of the image is there; whether that is the end."""
        self._profile = profile
        self._way = way
        self._flash = flash
        self._say = say
        self._installed = installed
        self._failed = failed
        self._middle = middle
        self._fetch: Fetch | None = None
        self._manifest: Manifest | None = None
        self._image: ImageClaim | None = None
        self._half = False

    def start(self, url: str) -> None:
        """Fetch the manifest."""
        self._get(url, f'suit_worker: downloading "{url}"')

    def stop(self) -> None:
        """The device is off, or will ask no more."""
        if self._fetch is not None:
            self._fetch.stop()

    def received(self, count: int) -> None:
        """See fetch.Owner."""
        size = self._image.size if self._image is not None else MANIFEST_BYTES
        assert size is not None, "check_manifest takes no image without"
        if count > size:
            self.stop()
            what = "image has more bytes than were told" if self._image else f"manifest is over {MANIFEST_BYTES} bytes"
            self._failed(INVALID, f"the {what}")
        elif self._image is not None and not self._half and count * 2 >= size:
            self._half = True
            if self._middle():
                self.stop()

    def fetched(self, body: bytes) -> None:
        """See fetch.Owner."""
        try:
            if self._image is None or self._manifest is None:
                self._take_manifest(body)
            else:
                self._take_image(body, self._manifest, self._image)
        except Unfit as error:
            self._failed(error.number, error.why)

    def failed(self, why: str) -> None:
        """See fetch.Owner."""
        if self._image is None:
            self._failed(None, f"error getting manifest: {why}")
        else:
            self._failed(SIGNATURE, f"image download failed: {why}")

    def _get(self, url: str, line: str) -> None:
        target = parse(url)
        if target is None:
            self._say("fetching", line, url=url, port=None)
            self.failed("the URL has no address, or is none")
            return

        def again(port: int) -> None:
            self._say("again", f"suit: fetching {url} from block 0", url=url, port=port)

        self._say("fetching", line, url=url)
        self._fetch = Fetch(self._way, target.asked_at(self._profile.server), self, again)
        self._fetch.start()

    def _take_manifest(self, body: bytes) -> None:
        self._say("manifest", f"suit_worker: got manifest with size {len(body)}", bytes=len(body))
        profile, flash = self._profile, self._flash
        manifest, image = check_manifest(body, Wanted(profile.board, flash.offset, flash.highest, profile.trusts))
        if profile.fault is Fault.NO_MEMORY:
            raise Unfit(MEMORY, "out of memory")
        self._manifest, self._image = manifest, image
        assert image.uri is not None, "check_manifest takes no image without"
        flash.erase()
        self._get(image.uri, f"suit: fetching {image.uri}")

    def _take_image(self, body: bytes, manifest: Manifest, image: ImageClaim) -> None:
        self._say("image", "Verifying image digest", bytes=len(body))
        if self._profile.fault is Fault.DIGEST:
            middle = len(body) // 2
            body = body[:middle] + bytes((body[middle] ^ 1,)) + body[middle + 1 :]
        check_image(body, manifest, image)
        self._flash.write(body)
        self._installed()
