"""Allow-lists of hosts."""

from __future__ import annotations

import pytest

from bamlvm.sysops.hosts import Hosts
from bamlvm.vm.values import Thrown


def grants(entries: list[str], host: str, address: str, port: int = 443) -> bool:
    hosts = Hosts("http", entries)
    try:
        hosts.check_host(host, port)
        hosts.check_address(host, port, address)
    except Thrown as refused:
        assert refused.class_name == "baml.errors.InvalidArgument"
        assert "http" in refused.fields["message"]
        return False
    return True


@pytest.mark.parametrize(
    ("entries", "host", "address"),
    [
        (["api.example.com"], "API.example.com.", "93.184.216.34"),
        (["*.example.com"], "a.b.example.com", "93.184.216.34"),
        (["example.com:443"], "example.com", "2606:2800::1"),
        (["*"], "anything.example", "8.8.8.8"),
        (["loopback"], "localhost", "127.0.0.1"),
        (["loopback"], "::1", "::1"),
        (["localhost"], "localhost", "::1"),
        (["127.0.0.1"], "localhost", "127.0.0.1"),
        (["127.0.0.1:443"], "127.0.0.1", "127.0.0.1"),
        (["[::1]:443"], "::1", "::1"),
        (["10.0.0.0/8"], "intranet", "10.1.2.3"),
        (["private"], "intranet", "192.168.1.1"),
        (["link-local"], "169.254.169.254", "169.254.169.254"),
        (["127.0.0.1"], "::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        (["xn--bcher-kva.example"], "b\u00fccher.example", "8.8.8.8"),
    ],
)
def test_granted(entries: list[str], host: str, address: str) -> None:
    assert grants(entries, host, address)


@pytest.mark.parametrize(
    ("entries", "host", "address"),
    [
        (["api.example.com"], "example.com", "93.184.216.34"),
        (["api.example.com"], "evil-api.example.com", "93.184.216.34"),
        (["*.example.com"], "example.com", "93.184.216.34"),
        (["*.example.com"], "notexample.com", "93.184.216.34"),
        (["example.com:80"], "example.com", "93.184.216.34"),
        (["api.example.com"], "api.example.com", "127.0.0.1"),  # a name that was made to lead inside
        (["api.example.com"], "api.example.com", "10.0.0.1"),
        (["api.example.com"], "api.example.com", "169.254.169.254"),
        (["api.example.com"], "api.example.com", "::ffff:127.0.0.1"),
        (["api.example.com"], "api.example.com", "64:ff9b::7f00:1"),
        (["api.example.com"], "api.example.com", "2002:7f00:1::"),
        (["*"], "0.0.0.0", "0.0.0.0"),
        (["*"], "localhost", "127.0.0.1"),
        (["*"], "224.0.0.1", "224.0.0.1"),
        (["*"], "100.64.0.1", "100.64.0.1"),
        (["*"], "fd00::1", "fd00::1"),
        (["public"], "fe80::1%eth0", "fe80::1%eth0"),
        (["localhost"], "localhost", "10.0.0.1"),
        (["loopback"], "intranet", "10.0.0.1"),
        (["10.0.0.0/8"], "example.com", "93.184.216.34"),
    ],
)
def test_refused(entries: list[str], host: str, address: str) -> None:
    assert not grants(entries, host, address)


@pytest.mark.parametrize("entry", ["https://example.com", "a b", "", "*.*", "example.com:99999", "exa/mple", "a..:x"])
def test_what_is_no_host(entry: str) -> None:
    with pytest.raises(ValueError, match="capability net: not a host"):
        Hosts("net", [entry])
