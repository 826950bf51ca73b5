"""The ka.* fields: one table, from which the native extractor, the fields JSON and the docs come.

Only the build and the reference extractor import the submodules; the embedded
process answers fields natively and never does.
"""
