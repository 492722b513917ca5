//! Who was given what, as the key server tells it: SPEC section 14.1.
