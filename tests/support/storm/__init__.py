"""A carrier in a storm: calls and changes at random, workers and servers killed, and what must hold afterwards."""
