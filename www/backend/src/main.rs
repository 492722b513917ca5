//! The demo's application server: it serves the page and its API, and holds ciphertext. `www/README.md` says what it answers.

mod address_book;
mod clock;
mod config;
mod events;
mod facilities;
mod files;
mod held;
mod http;
mod key_server;
mod login_page;
mod logins;
mod mail;
mod messages;
mod page;
mod places;
mod random;
mod ranges;
mod refused;
mod serve;
mod shares;
mod staff;
mod store;
mod throttle;
mod tokens;
mod transfers;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;

use crate::config::{Cli, Command};

fn main() -> ExitCode {
    let Command::Serve(settings) = Cli::parse().command;
    match serve::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "wardkey-demo: {why}");
            ExitCode::FAILURE
        }
    }
}
