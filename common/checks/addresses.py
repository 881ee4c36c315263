"""Where the manifest sends devices for the images: can they ask there, does this server answer there, with these bytes?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from common.checks.codes import error, warning
from common.checks.facts import ServerFacts, short
from common.checks.placing import Placed, claims_by_role
from common.checks.uris import Address, Uri, address_of, coap_url, parse, path_of, served_path
from common.device_url import COAP_PORT
from common.finding import Finding, Role
from common.manifest import Manifest
from common.release import MAX_PUBLISH_ID

_TOO_LONG = 128
"""Bytes from which no RIOT device takes a URI."""
_LONG = 93
"""Bytes from which RIOT 2024.10 drops a URL that it is notified with, without a word."""
_LONG_PATH = 68
"""Bytes of a path, with its leading slash, that RIOT can ask for block by block."""
_SHOWN = 3
"""Of the server's addresses, in a message."""
_SHORTER = "Build it again with a shorter SUIT_COAP_ROOT."


def _named(manifest: Manifest) -> Iterator[tuple[Role | None, str, str]]:
    """The role, what it is called and the URI of each image; an image beyond the slots has no role."""
    roles = [*claims_by_role(manifest)]
    for number, claim in enumerate(manifest.images):
        if claim.uri is not None:
            role = roles[number] if number < len(roles) else None
            yield role, str(role or f"image {number + 1}"), claim.uri


def too_long(manifest: Manifest) -> list[Finding]:
    """URIs of images at which RIOT devices fail."""
    findings = []
    for role, name, uri in _named(manifest):
        why = _why_too_long(uri, f"and {_LONG - 1} is the most that RIOT 2024.10 is known to take.")
        if why is not None:
            make = error if _bytes(uri) >= _TOO_LONG else warning
            findings.append(make("uri-too-long", f"The manifest's URI for {name} {why} {_SHORTER}", role))
    return findings


def own_url_too_long(facts: ServerFacts) -> list[Finding]:
    """Whether RIOT devices fail at the manifest's own URL, with which they are notified."""
    if not facts.host or not facts.publish_id:
        return []
    url = coap_url(facts.host, facts.port, f"{facts.publish_id}/{Role.MANIFEST}")
    why = _why_too_long(url, f"and RIOT 2024.10 drops a notification with more than {_LONG - 1} silently.")
    text = f"The manifest's own URL, {short(url)}, {why} Publish it under a shorter publish id."
    return [warning("uri-too-long", text, Role.MANIFEST)] if why is not None else []


def _why_too_long(uri: str, long: str) -> str | None:
    """`long` is what to say of one that only some devices take."""
    if _bytes(uri) >= _TOO_LONG:
        return f"has {_bytes(uri)} bytes, and no RIOT device takes more than {_TOO_LONG - 1}."
    parts = parse(uri)
    path = _bytes(parts.path) if parts is not None else 0
    if path > _LONG_PATH:
        return f"has a path of {path} bytes, and RIOT devices can ask for {_LONG_PATH} at most: at more they fail or hang."
    if _bytes(uri) >= _LONG:
        return f"has {_bytes(uri)} bytes, {long}"
    return None


def _bytes(text: str) -> int:
    return len(text.encode(errors="replace"))


def not_served(manifest: Manifest, facts: ServerFacts) -> list[Finding]:
    """URIs under which this server does not serve their images; those that fail alike are said together."""
    if not facts.hosts:
        return []
    hosts = frozenset(address_of(host) or host.lower() for host in facts.hosts)
    alike: dict[tuple[str, str], list[tuple[Role | None, str]]] = {}
    for role, name, uri in _named(manifest):
        why = _why_not_served(uri, hosts, facts.port)
        if why is not None:
            alike.setdefault((why, _rebuild(uri, facts)), []).append((role, name))
    return [
        warning(
            "uri-not-served",
            f"For {' and '.join(name for _, name in images)} the manifest sends devices to {why}. {advice}",
            images[0][0] if len(images) == 1 else None,
        )
        for (why, advice), images in alike.items()
    ]


def _why_not_served(text: str, hosts: frozenset[Address | str], port: int) -> str | None:
    uri = parse(text)
    if uri is None:
        return f"{short(text)}, which is no URI that a device can follow"
    if uri.scheme != "coap":
        return f"{short(text)}, and this server speaks coap to devices, not {uri.scheme}"
    where = f"coap://{short(uri.authority)}"
    if (uri.address or uri.host.lower()) not in hosts:
        return f"{where}, {_why_elsewhere(uri, hosts)}"
    if (uri.port or COAP_PORT) != port:
        return f"{where}, which is port {uri.port or COAP_PORT}, and devices reach this server at port {port}"
    if path_of(uri) is None:
        rule = f"of letters, digits and . _ - + ~ only, without reserved names and query, of {MAX_PUBLISH_ID} bytes at most"
        return f"the path {short(uri.path + uri.extra)}, which this server cannot serve: it serves paths {rule}"
    return None


def _why_elsewhere(uri: Uri, hosts: frozenset[Address | str]) -> str:
    if uri.host.lower() == "localhost":
        return "which is a name, and a RIOT device resolves none; it would be the device itself"
    if "%" in uri.host:
        return "an address with a zone, which a URI cannot have"
    if uri.address is None:
        return "which is no valid address" if uri.bracketed else "which is a name, and a RIOT device resolves no names"
    if uri.address.is_loopback:
        return "which is the device itself"
    known = sorted(str(host) for host in hosts)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return f"which is none of this server's addresses ({', '.join(known[:_SHOWN])}{more})"


def _rebuild(text: str, facts: ServerFacts) -> str:
    uri = parse(text)
    path = path_of(uri) if uri is not None else None
    folder = path.rpartition("/")[0] if path is not None else facts.publish_id or "fw/<application>/<board>"
    return f"Build it again with SUIT_COAP_ROOT={coap_url(facts.host or '<address of the server>', facts.port, folder)}"


def claimed(placed: Sequence[Placed], holders: Mapping[str, tuple[str, str]]) -> list[Finding]:
    """URIs under which other bytes are served already; the shape of `holders` is ServerFacts'."""
    findings = []
    for p in placed:
        path = served_path(p.claim.uri) if p.claim is not None and p.claim.uri is not None else None
        holder, sha256 = holders.get(path, ("", "")) if path is not None else ("", "")
        if path is not None and holder and sha256 != p.file.sha256:
            findings.append(uri_claimed(p.role, path, holder))
    return findings


def uri_claimed(role: Role, path: str, holder: str) -> Finding:
    """What to say of the image `role` for which devices are sent to `path`, where `holder` is served with other bytes."""
    text = f"For {role} the manifest sends devices to {path}, and there other bytes are served, those of {holder}"
    why = "a device would fetch them and refuse them with -1 or -7 on its serial console"
    return warning("uri-claimed", f"{text}: {why}. Keep one of the two, or build this again with another SUIT_COAP_ROOT.", role)


def uri_kept(role: Role, path: str, owner: str) -> Finding:
    """What to say of the image `role` for which devices are sent to `path`, where nothing is served: it is `owner`'s place."""
    text = f"For {role} the manifest sends devices to {path}, and nothing is served there: it is the place of {owner},"
    return warning("uri-claimed", f"{text} which is not served now. Wait, or build this again with another SUIT_COAP_ROOT.", role)


def uri_shared(role: Role, path: str) -> Finding:
    """What to say of the image `role` whose path the same manifest names for the other image, which is served there."""
    text = f"The manifest sends devices to {path} for both images, and only the other one is served there, not {role}"
    return warning("uri-claimed", f"{text}. Build the manifest again with a URI for each image.", role)
