"""Fingerprints: what makes two values, functions or steps the same."""

from __future__ import annotations

from hypernodes.hashing._code import code_digest, known_digest, remember_digest
from hypernodes.hashing._dispatch import BUILTIN_FINGERPRINTS
from hypernodes.hashing._fingerprinter import (
    Fingerprinter,
    code_fingerprint,
    fingerprint,
    fingerprint_column,
    set_registered_fingerprints,
    track_code,
)
from hypernodes.hashing._identity import class_identity
from hypernodes.hashing._signature import (
    FORMAT,
    Signature,
    column_digest,
    is_of_value,
    item_digest,
    item_digests,
    node_digest,
    output_digest,
)
from hypernodes.hashing._tracking import CodeIdentity, CodeOptions, TrackedCode, start_epoch

__all__ = [
    "BUILTIN_FINGERPRINTS",
    "FORMAT",
    "CodeIdentity",
    "CodeOptions",
    "Fingerprinter",
    "Signature",
    "TrackedCode",
    "class_identity",
    "code_digest",
    "code_fingerprint",
    "column_digest",
    "fingerprint",
    "fingerprint_column",
    "is_of_value",
    "item_digest",
    "item_digests",
    "known_digest",
    "node_digest",
    "output_digest",
    "remember_digest",
    "set_registered_fingerprints",
    "start_epoch",
    "track_code",
]
