"""The ka.* fields: one table, from which the native extractor, the fields JSON and the docs come.

The build, the command line and tests/reference import the submodules; the embedded
process answers fields natively and never does.
"""
