"""How long Linux waits, in seconds: for marks that say so, and to tell a wait that was woken from one that ran out."""

RETRANSMISSION = 1.0
"""Until a SYN that was not answered, or found no room, is sent again."""
ONE_RETRY = 3.1
"""Of an attempt that sends its SYN twice: 1 s and 2 s of waiting."""
LATE = 9.0
"""After which a wait of ten has run out rather than been woken."""
