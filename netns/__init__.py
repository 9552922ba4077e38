"""Private networks for tests: namespaces, links, addresses, routes and sysctls, and topologies made of them.

Only this package imports pyroute2 and Scapy. Neither pytest nor the system calls under test are its subject.
"""

from netns.capture import Capture, Captured, write_packets
from netns.change_log import Change
from netns.firewall import REJECTS, Match, Rule
from netns.host import INET, INET6, Host
from netns.isolation import Isolation, IsolationError, enter_private_network, in_user_namespace
from netns.namespace import Namespace, can_return, preload
from netns.polling import comes_true
from netns.topologies import TOPOLOGIES, Topology, kept_loopback, loopback, pair, routed, scripted
from netns.wire import Packet, Wire, closer, load_scapy

__all__ = [
    "INET",
    "INET6",
    "REJECTS",
    "TOPOLOGIES",
    "Capture",
    "Captured",
    "Change",
    "Host",
    "Isolation",
    "IsolationError",
    "Match",
    "Namespace",
    "Packet",
    "Rule",
    "Topology",
    "Wire",
    "can_return",
    "closer",
    "comes_true",
    "enter_private_network",
    "in_user_namespace",
    "kept_loopback",
    "load_scapy",
    "loopback",
    "pair",
    "preload",
    "routed",
    "scripted",
    "write_packets",
]
