//! The key server of `memoryBackend()`, from `wardkey/testing`: [`wardkey_rules`] over a store in memory, and the application's half of the two-man rule. It is a
//! WebAssembly module of its own, and speaks the JSON of `docs/API.md`.

mod application;
#[cfg(target_arch = "wasm32")]
mod js;
mod key_server;
mod state;

pub use key_server::KeyServer;
