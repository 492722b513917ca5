//! Counts, per thread, what must not have happened: for the attack tests only.

use core::cell::Cell;

std::thread_local! {
    static AEAD: Cell<u64> = const { Cell::new(0) };
    static SLOW: Cell<u64> = const { Cell::new(0) };
    static BLINDED: Cell<u64> = const { Cell::new(0) };
}

/// Calls of AES-GCM on this thread.
#[must_use]
pub fn aead_calls() -> u64 {
    AEAD.get()
}

/// Password derivations on this thread.
#[must_use]
pub fn slow_derivations() -> u64 {
    SLOW.get()
}

/// RSA decryptions on this thread that drew a blinding factor.
#[must_use]
pub fn blinded_decryptions() -> u64 {
    BLINDED.get()
}

pub(crate) fn count_blinded() {
    BLINDED.set(BLINDED.get() + 1);
}

pub(crate) fn count_aead() {
    AEAD.set(AEAD.get() + 1);
}

pub(crate) fn count_slow() {
    SLOW.set(SLOW.get() + 1);
}
