"""Connected sockets that are members of a multicast group: of what is sent to the group only the peer is heard."""

import socket
import struct

from fixtures import (
    INTERNET,
    Address,
    Inet,
    Inet6,
    Server,
    Servers,
    Socket,
    SocketMaker,
    Variant,
    assert_associates,
    assert_receives_only,
    clause,
    port_of,
    topology,
    variants,
)
from netns import Topology

SECOND = {"inet": ("192.0.2.3", 24), "inet6": ("2001:db8:1::3", 64)}
PORT = 7100


def group(variant: Variant, topology: Topology) -> Address:
    """The group, as the client's sockets know it."""
    if variant.family == "inet":
        return Inet("239.1.2.3", PORT)
    return Inet6("ff02::1:2:3", PORT, scope=topology.client.namespace.index("to-server"))


def join(sock: Socket, variant: Variant, index: int) -> None:
    """Become a member of the group on the link."""
    if variant.family == "inet":
        request = socket.inet_aton("239.1.2.3") + struct.pack("=4si", bytes(4), index)
        joined = sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request, name="IP_ADD_MEMBERSHIP")
    else:
        request = socket.inet_pton(socket.AF_INET6, "ff02::1:2:3") + struct.pack("=i", index)
        joined = sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request, name="IPV6_JOIN_GROUP")
    assert joined == 0


def four_servers(server: Server, servers: Servers) -> list[Server]:
    """The server, one at another port, one at another address, and one that differs from it by its address alone."""
    neighbour, stranger = servers.make("neighbour"), servers.make("stranger", second_address=True)
    return [server, neighbour, stranger, servers.make("namesake", second_address=True, port=port_of(server.address))]


def tell(sender: Server, data: bytes, variant: Variant, topology: Topology) -> None:
    """Send to the group over the server's link."""
    index = topology.server.namespace.index("to-client")
    there: Address = Inet("239.1.2.3", PORT) if variant.family == "inet" else Inet6("ff02::1:2:3", PORT, scope=index)
    assert sender.socket.send(data, to=there) == 0


def bind_as_member(sock: Socket, variant: Variant, topology: Topology) -> None:
    """Bind the socket to the group's address, which it shares, and become a member."""
    assert sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1, name="SO_REUSEADDR") == 0
    assert sock.bind(group(variant, topology)) == 0
    join(sock, variant, topology.client.namespace.index("to-server"))


def assert_all_reach(witness: Socket, senders: list[Server], variant: Variant, topology: Topology) -> None:
    """What each of the senders sends to the group, its number in the list, reaches the witness."""
    for number, sender in enumerate(senders):
        tell(sender, b"%d" % number, variant, topology)
        assert witness.recv() == b"%d" % number


@clause("connect.udp.receive-filter.group")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
def test_members(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """One gets what its peer sends, alone; another with the group's name and no peer gets everything, in order."""
    topology.server.add_address("to-client", *SECOND[variant.family])
    everybody, witness = four_servers(server, servers), new_socket("witness")
    for each in (sock, witness):
        bind_as_member(each, variant, topology)
    for peer in (server, everybody[-1]):  # The last one has the port of the first.
        assert_associates(sock, peer.address)
        assert_all_reach(witness, [*everybody, peer], variant, topology)
        assert sock.recv() == b"%d" % everybody.index(peer)
        assert_receives_only(sock, b"4")
