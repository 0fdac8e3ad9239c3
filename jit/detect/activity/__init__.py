"""Session activity: lines of the logs of targets, read, tied to requests, recorded, summed and judged.

A line goes this way:

1. `lines.py` cuts a file into lines, each with its place, in bounded memory.
2. A parser of `parsers` makes a `model.Activity` of it, or a remark. Secrets are masked there, before all else.
3. `ties.py` says whose grant it is and how that is known.
4. `batches.py` makes facts of many, which are recorded all or none, with the place up to which the file is read.
5. `coverage.py` says how much of a grant the log shows, and `summing.py` what was done in all.
"""
