"""What to read next and what was delivered already: the delivery promise.

Every event that becomes visible within late_window after its timestamp is
delivered, once. Nothing here knows AWS or the host, and time comes from outside:

- window.py decides which range to read next and which events of a page are new;
- seen.py remembers the event ids of the time that may be read again;
- budget.py says how often AWS may be called;
- ledger.py keeps across restarts what the host has finished with: in SQLite
  (sqlite_ledger.py), in a file of its own for each log group (state_dir.py);
- acknowledge.py says when that is the case;
- clock.py is AWS's clock, as far as its answers tell.
"""
