//! How it is run, and the places of the demo.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};
use serde::Deserialize;

/// The demo's application server: logins, transfers and ciphertext, and no key.
#[derive(Debug, Parser)]
#[command(name = "wardkey-demo", version, max_term_width = 120)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers requests of this machine, until SIGTERM or SIGINT
    Serve(Serve),
}

/// What is served, and with what.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    /// The data folder: the database
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Where to listen; on loopback only: there is no TLS, and in development passwords are shown
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    pub listen: core::net::SocketAddr,
    /// The built page
    #[arg(long, value_name = "DIR")]
    pub page: PathBuf,
    /// The application's id at the key server
    #[arg(long, default_value = "transfers.example", value_name = "ID")]
    pub app_id: String,
    /// The key server
    #[arg(long, value_name = "URL")]
    pub key_server: String,
    /// The same as pages reach it, where that is another way
    #[arg(long, value_name = "URL")]
    pub pages_key_server: Option<String>,
    /// Its fingerprint, which pages and recoveries' receipts are held against
    #[arg(long, value_name = "FINGERPRINT", allow_hyphen_values = true)]
    pub escrow_key: String,
    /// The private key of users' tokens for the key server (Ed25519, PKCS #8, PEM)
    #[arg(long, value_name = "FILE")]
    pub app_key: PathBuf,
    /// The application's credential at the key server
    #[arg(long, value_name = "FILE")]
    pub credential: PathBuf,
    /// The demo's facilities and people
    #[arg(long, value_name = "FILE")]
    pub demo: PathBuf,
    /// The key server's data folder, whose rows are shown in development
    #[arg(long, value_name = "DIR")]
    pub key_server_data: PathBuf,
    /// The folder of mails, shown in development: the key server's, and invitations
    #[arg(long, value_name = "DIR")]
    pub mail_folder: PathBuf,
    /// Tries of a login or a recovery, by user and minute; of an address twenty times as many
    #[arg(long, default_value = "20", value_name = "N")]
    pub login_rate: core::num::NonZeroU32,
    /// Shows the passwords of the demo's people, mails and rows of the databases
    #[arg(long)]
    pub development: bool,
    /// Takes times of the past from who creates a transfer or a message, and passwords of the demo's people from who registers: for seeding
    #[arg(long)]
    pub seeding: bool,
}

/// The demo's facilities and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    pub facilities: Vec<DemoFacility>,
    pub people: Vec<DemoPerson>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DemoFacility {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub city: String,
    pub contact: Option<String>,
}

/// Somebody who doesn't exist; the rest of what the file says of him is for who seeds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DemoPerson {
    pub user_id: String,
    pub role: String,
    /// The login page shows it, so that a click logs in.
    pub password: String,
}

impl Demo {
    /// Reads the file.
    ///
    /// # Errors
    /// In one line, what is wrong with it.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        serde_json::from_str(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// A file's text.
pub(crate) fn text(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}
