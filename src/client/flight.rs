//! One request for many calls: who comes first asks, and the others wait for what comes of it.

use core::cell::{Cell, RefCell};
use std::rc::Rc;

use super::{Client, Host};

/// A call that others wait for.
#[derive(Debug)]
pub(super) struct Flight<T> {
    ticket: u64,
    over: Cell<bool>,
    outcome: RefCell<Option<T>>,
}

impl<T> Flight<T> {
    pub(super) const fn is_over(&self) -> bool {
        self.over.get()
    }
}

/// The call that asks. However it ends, the others go on: without an outcome, one of them asks in its place.
pub(super) struct Lead<'a, H: Host, T> {
    host: &'a H,
    flight: Rc<Flight<T>>,
}

impl<H: Host, T> Lead<'_, H, T> {
    pub(super) const fn flight(&self) -> &Rc<Flight<T>> {
        &self.flight
    }

    /// Ends with this.
    pub(super) fn land(self, outcome: T) {
        *self.flight.outcome.borrow_mut() = Some(outcome);
    }
}

impl<H: Host, T> Drop for Lead<'_, H, T> {
    fn drop(&mut self) {
        self.flight.over.set(true);
        self.host.settle(self.flight.ticket);
    }
}

impl<H: Host> Client<H> {
    /// Others may wait for this call from now on.
    pub(super) fn lead<T>(&self) -> Lead<'_, H, T> {
        let ticket = self.tickets.get();
        self.tickets.set(ticket.wrapping_add(1));
        let flight = Rc::new(Flight { ticket, over: Cell::new(false), outcome: RefCell::new(None) });
        Lead { host: &self.host, flight }
    }

    /// What came of another's call; nothing where it was given up.
    pub(super) async fn follow<T: Clone>(&self, flight: &Flight<T>) -> Option<T> {
        if !flight.is_over() {
            self.host.settled(flight.ticket).await;
        }
        flight.outcome.borrow().clone()
    }
}
