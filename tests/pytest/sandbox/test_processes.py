"""Ports of the loopback address."""

from __future__ import annotations

import socket

from sandbox.processes import HOST, free_port


def test_the_preferred_port_is_taken_unless_somebody_listens_on_it() -> None:
    preferred = free_port()
    assert free_port(preferred) == preferred
    with socket.socket() as other:
        other.bind((HOST, preferred))
        other.listen()
        assert free_port(preferred) not in (0, preferred)
