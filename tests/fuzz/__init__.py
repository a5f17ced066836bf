"""Random schemas with rows: made statement by statement, copied, and judged without the program's own verification.

A maker (maker.py) asks the database what there is, makes up a statement about it, and runs it; what the server refuses
is forgotten. So every statement may build on, rename, or drop whatever came before, and nobody has to keep a model of
the database. The statements that were accepted are the schema: the same seed gives the same ones, and any subset of
them may be run again, which is how a failing schema is made small (`python -m tests.fuzz`).
"""
