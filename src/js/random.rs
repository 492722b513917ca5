//! The system's generator, one for the whole module, so that a repetition is seen from call to call.

use core::cell::RefCell;

use crate::random::{SystemRandom, system};

std::thread_local! {
    static RANDOM: RefCell<SystemRandom> = const { RefCell::new(system()) };
}

pub(super) fn with_random<T>(call: impl FnOnce(&mut SystemRandom) -> T) -> T {
    RANDOM.with_borrow_mut(call)
}
