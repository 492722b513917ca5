//! Wardkey's key server: see `wardkey-server help`.

use std::process::ExitCode;

/// Large replies are made of many small pieces: the system's own takes twice as long. SQLite's memory is of it, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wardkey_server::cli::run(std::env::args_os())
}
