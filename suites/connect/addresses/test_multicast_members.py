"""Connected sockets that are members of a multicast group: of what is sent to the group only the peer is heard."""

import socket
import struct
from errno import EAGAIN

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
    assert_peer,
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
    """Become a member on the link."""
    if variant.family == "inet":
        request = socket.inet_aton("239.1.2.3") + struct.pack("=4si", bytes(4), index)
        joined = sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request, name="IP_ADD_MEMBERSHIP")
    else:
        request = socket.inet_pton(socket.AF_INET6, "ff02::1:2:3") + struct.pack("=i", index)
        joined = sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request, name="IPV6_JOIN_GROUP")
    assert joined == 0


def tell(sender: Server, data: bytes, variant: Variant, topology: Topology) -> None:
    """Send to the group over the server's link."""
    index = topology.server.namespace.index("to-client")
    there: Address = Inet("239.1.2.3", PORT) if variant.family == "inet" else Inet6("ff02::1:2:3", PORT, scope=index)
    assert sender.socket.send(data, to=there) == 0


@clause("connect.udp.receive-filter.group")
@topology("pair")
@variants(families=INTERNET, types=["dgram"])
def test_members(
    sock: Socket, new_socket: SocketMaker, server: Server, servers: Servers, variant: Variant, topology: Topology
) -> None:
    """One hears its peer alone; another that shares the group's name and has no peer hears everybody, in order."""
    topology.server.add_address("to-client", *SECOND[variant.family])
    neighbour, stranger = servers.make("neighbour"), servers.make("stranger", second_address=True)
    namesake = servers.make("namesake", second_address=True, port=port_of(server.address))
    everybody, witness = [server, neighbour, stranger, namesake], new_socket("witness")
    for each in (sock, witness):
        assert each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1, name="SO_REUSEADDR") == 0
        assert each.bind(group(variant, topology)) == 0
        join(each, variant, topology.client.namespace.index("to-server"))
    for peer in (server, namesake):
        assert sock.connect(peer.address) == 0
        assert_peer(sock, peer.address)
        for number, sender in enumerate([*everybody, peer]):
            tell(sender, b"%d" % number, variant, topology)
            assert witness.recv() == b"%d" % number
        assert sock.recv() == b"%d" % everybody.index(peer)
        assert sock.recv() == b"4"
        assert sock.recv_now() == EAGAIN
