"""Work that a clone puts off, so that the copy can be used sooner: foreign keys to validate, indexes to build.

    plan: put_off ─► journal: record ─► the copy is open ─► `validate` ─► the journal goes

A foreign key that is to be validated later is added NOT VALID: from then on it acts on what is written. An index that
is to be built later is not there at all, and is built while others write (CONCURRENTLY). What nobody can do without is
never put off: whatever is unique, the index of a partitioned table (which has no rows of its own), and an index that
anything else needs but what is said of it. In the partitions each index is built, and attached after that.

The journal keeps what is left to do, in a state of its own: with no option given there is nothing, and it is dropped.
"""
