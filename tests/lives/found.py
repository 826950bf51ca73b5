"""Seeds whose lives once showed a fault: they always run.

A seed means the life that draw.py draws from it: whoever changes draw.py looks for new
ones with the cure taken out.
"""

FOUND = (52, 63, 20_112, 20_130)
