"""What outlives a capture: on disk, or for the next capture of the same process.

- protocol.py says what a ledger is asked for;
- sqlite.py, file.py keep it on disk;
- process.py keeps it in memory, for a hot reload without state_dir;
- state_dir.py says which of the two it is.
"""
