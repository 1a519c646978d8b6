"""A port of 127.0.0.1 for a server that is still to be started, or that comes back after a fall.

Between a look at a port and its use another process may take it, and a port that the system chose for somebody may be
given to any outgoing connection once he is gone. So ours lie below those that the system gives out by itself, and each
is marked by an abstract socket for as long as this process lives: who asks here meanwhile gets another.
"""

import pathlib
import random
import socket

GIVEN_OUT = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST, MOST, ENOUGH = 10000, 15000, 2000  # of the ports that may be ours; how many they are
TRIES = 1000

_marks = []  # they end with this process
_chance = random.SystemRandom()  # tests sow the other one


def _ours():
    """The ports below those that the system gives out, else above them."""
    low, high = map(int, GIVEN_OUT.read_text(encoding="ascii").split())
    below, above = range(LOWEST, min(low, LOWEST + MOST)), range(high + 1, 65536)
    if max(len(below), len(above)) < ENOUGH:
        raise OSError(f"{GIVEN_OUT} leaves too few ports: {low} to {high}")
    return below if len(below) >= ENOUGH else above


def free_port():
    """A port at which nobody listens, and which nobody else gets from here until this process ends."""
    ports = _ours()
    for _ in range(TRIES):
        port = _chance.choice(ports)
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mark.bind(f"\0usher port {port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
                probe.bind(("127.0.0.1", port))
        except OSError:
            mark.close()
            continue
        _marks.append(mark)
        return port
    raise OSError(f"no free port between {ports[0]} and {ports[-1]}")
