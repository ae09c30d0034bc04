"""Rules of mail: what an answer of a mail server means, and what a message is made of. No I/O, no clock."""
