"""Wardkey's format, version 1, read and written in Python.

Written from `docs/SPEC.md` alone, without a look at the Rust code: where both agree, the text said
enough. It serves tests only; it neither wipes secrets nor runs in constant time.

Bottom up: `errors`, `randomness`, `cbor`, `base64url`, `framing`, `derive`, `cobblestone`;
then what is stored: `message` (with `padding`), `author` (with `merkle` and `ed25519`),
`public_key` and `private_key` (with `suite` and `x25519`), `wrap`, `backup` (with `slow_key`,
`password`, `user_id`).

Sections 9 to 15: `signed` is the outer form of every signed object. Who: `party`, `bundle`,
`identity`, `pin`, `directory`, `safety_number`. Account: `login`, `state`, `contact`, `share`,
`receipt`, `recovery_proof`, `account`. Sessions: `rights`, `genesis`, `action`, `entry`, `replay`
(with `groups`), `confirmed`, `wraps`, `session`, `session_message`. Groups: `member`, `epoch`,
`group_genesis`, `operation`, `group_replay`, `group_keys`, `group_head`. Then `journal`,
`journal_log` and `device`.

    python3 -m venv VENV && VENV/bin/pip install -r tests/interop/requirements.txt
    VENV/bin/python -m pytest tests/interop               # opens testdata/*.json, and tests itself
    VENV/bin/python tests/interop/make.py OUTDIR          # writes vectors for the Rust code to open
"""
