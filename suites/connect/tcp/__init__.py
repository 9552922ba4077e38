"""TCP: connecting, refusals, states, ports, options, Fast Open, time-outs."""
