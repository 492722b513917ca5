//! What the faces of the entries in WebAssembly have in common; each `js.rs` has its own exports. What they throw is the JSON text of code and message.

use core::cell::RefCell;

use wardkey::{
    error::{Error, Result},
    random::{SystemRandom, system},
};

/// What is freed is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

std::thread_local! {
    /// One for the whole module, so that a repetition is seen from call to call.
    static RANDOM: RefCell<SystemRandom> = const { RefCell::new(system()) };
}

/// What an export gives: a value, or what it throws.
pub(crate) type Answer<T> = core::result::Result<T, String>;

/// The text that is thrown for this error.
pub(crate) fn refused(error: Error) -> String {
    format!(r#"{{"code":"{}","message":{:?}}}"#, error.code(), error.message())
}

/// A call with the module's source of randomness.
pub(crate) fn with_random<T>(call: impl FnOnce(&mut SystemRandom) -> Result<T>) -> Answer<T> {
    RANDOM.with(|random| call(&mut random.borrow_mut())).map_err(refused)
}
