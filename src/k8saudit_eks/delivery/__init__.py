"""What to read next and what was delivered already: the delivery promise.

Every event that becomes visible within late_window after its timestamp is
delivered, once. Nothing here knows AWS or the host, and time comes from outside.
docs/delivery.md says what is promised, and what the words mean.

- polling/ says what to read next;
- seen.py remembers the event ids of the time that may be read again;
- ledger/ keeps across restarts what the host has finished with;
- acknowledge.py says when that is the case.
"""
