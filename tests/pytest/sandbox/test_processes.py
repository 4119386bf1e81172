"""Ports of the loopback address."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from sandbox.processes import HOST, PORTS, free_port


def test_the_preferred_port_is_taken_unless_somebody_listens_on_it() -> None:
    preferred = free_port()
    assert free_port(preferred) == preferred
    with socket.socket() as other:
        other.bind((HOST, preferred))
        other.listen()
        assert free_port(preferred) != preferred


def test_a_free_port_is_none_that_the_system_hands_out_in_the_meantime() -> None:
    """A server binds its port seconds later: by then other programs have opened hundreds."""
    hands_out = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if hands_out.exists() and int(hands_out.read_text().split()[0]) < PORTS.stop:
        pytest.skip("this system is set to hand out ports of ours too")
    chosen = {free_port() for _ in range(50)}
    handed_out = set()
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen()
        for _ in range(50):
            with socket.create_connection(listening.getsockname()) as connection:
                handed_out.add(connection.getsockname()[1])
    assert max(chosen) < min(handed_out)


def test_seeded_random_numbers_do_not_repeat_a_port() -> None:
    """Tests on two cores seed them alike."""
    chosen = set()
    for _ in range(5):
        random.seed(0)
        chosen.add(free_port())
    assert len(chosen) > 1
