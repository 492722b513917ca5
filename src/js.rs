//! The face in WebAssembly: parse, call the core, convert. The npm package's TypeScript stands before it (`npm/`), so these names are not public API.

#![allow(unreachable_pub, reason = "what is exported to JavaScript is public there")]

mod backend;
mod backup;
mod batch;
mod cache;
mod client;
mod convert;
mod data_key;
mod device;
mod entities;
mod error;
mod host;
mod jobs;
mod key_pair;
mod key_store;
mod marker;
mod message;
mod random;
mod session;
mod session_data;
mod task;
mod wrap;

/// What is freed is wiped.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> = zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// Runs a call that handles private keys, whether it succeeds or not, and wipes what it left on the stack.
fn scrubbed<T>(call: impl FnOnce() -> T) -> T {
    let result = call();
    scrub_stack();
    result
}

/// Overwrites the part of the stack that earlier calls used: what they left there may be parts of keys.
#[inline(never)]
fn scrub_stack() {
    let mut stack = [0_u8; 128 * 1024];
    // Written at once, and read as far as the compiler knows: one write after the other takes longer than what it follows.
    core::hint::black_box(&mut stack);
}
