"""ICMP errors: what they do to attempts, connections and associations."""
