"""Addresses the service is reached at."""

import socket
from errno import EADDRINUSE

from moderation.domain.errors import AddressInUse, InputRefused


def origin(host: str, port: int) -> str:
    """`http://host:port`, as a browser on this machine would write it."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def claim(host: str, port: int) -> tuple[str, int]:
    """The numeric address and the port to listen on; port 0 becomes a free one.

    Raises `AddressInUse`, or `InputRefused` when this machine has no such address or may not listen there.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # A port that was just left counts as free, as it does for the server.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
            name = probe.getsockname()
    except OSError as error:
        raise _refusal(host, port, error) from None
    return str(name[0]), int(name[1])


def _refusal(host: str, port: int, error: OSError) -> AddressInUse | InputRefused:
    if isinstance(error, socket.gaierror):
        return InputRefused("HOST is not an address of this machine.")
    if isinstance(error, PermissionError):
        return InputRefused(f"Port {port} needs more rights than this user has; set PORT to one above 1023.")
    if error.errno == EADDRINUSE:
        return AddressInUse(f"Port {port} is in use on {host}: stop what listens there, or set PORT to another one.")
    return InputRefused(f"HOST and PORT cannot be listened on: {error.strerror}.")
