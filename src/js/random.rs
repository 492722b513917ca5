//! The system's generator, one for the whole module, so that a repetition is seen from call to call.

use core::cell::RefCell;
use std::rc::Rc;

use crate::random::{SystemRandom, system};

std::thread_local! {
    static RANDOM: Rc<RefCell<SystemRandom>> = Rc::new(RefCell::new(system()));
}

pub(super) fn with_random<T>(call: impl FnOnce(&mut SystemRandom) -> T) -> T {
    RANDOM.with(|random| call(&mut random.borrow_mut()))
}

/// The same generator, for what draws now and then.
pub(super) fn shared_random() -> Rc<RefCell<SystemRandom>> {
    RANDOM.with(Rc::clone)
}
