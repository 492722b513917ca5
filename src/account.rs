//! An account.
