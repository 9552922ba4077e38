"""``make bench``: what kconform costs, beside what others cost who do the like, on the machine that it runs on."""
