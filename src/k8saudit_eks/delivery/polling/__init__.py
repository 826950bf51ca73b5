"""What to read next from a log group that is polled.

- window.py says which ranges to read next and which events of a page are new;
- schedule.py says whose turn it is: the head's (heads.py, cursor.py), the ladder's
  (ladder.py), the slices' that settle (settling.py), a gap's (gaps.py);
- read.py is one range, page by page; passes.py what becomes of one that is refused,
  health.py whether that is its own fault;
- budget.py says how often AWS may be called;
- clock.py is AWS's clock, as far as its answers tell.
"""
