"""Makes complete examples of SPEC sections 9 to 15, good and bad, for `make.py`.

Each module makes one file of entries `{"name", "kind", "input", "expected" or "error"}`. `kinds.py`
next to this folder says what each kind's input means, and opens it; `as_recorded` brings them into
the schema of `testdata/`. What is expected comes from what was put in, not from opening.
"""
