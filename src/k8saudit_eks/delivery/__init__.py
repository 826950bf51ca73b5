"""What to read next and what was delivered already: the delivery promise.

Every event that becomes visible within late_window after its timestamp is
delivered, once. Nothing here knows AWS or the host, and time comes from outside.
docs/delivery.md says what is promised, and what the words mean.

- window.py says which ranges to read next and which events of a page are new;
- schedule.py says whose turn it is: the head's (heads.py, cursor.py), the ladder's
  (ladder.py), the slices' that settle (settling.py), a gap's (gaps.py);
- read.py is one range, page by page; passes.py what becomes of one that is refused,
  health.py whether that is its own fault;
- seen.py remembers the event ids of the time that may be read again;
- budget.py says how often AWS may be called;
- ledger.py keeps across restarts what the host has finished with: in SQLite
  (sqlite_ledger.py, ledger_file.py), or for the next capture of the same process
  (process_ledger.py); state_dir.py says in which;
- acknowledge.py says when that is the case;
- clock.py is AWS's clock, as far as its answers tell.
"""
