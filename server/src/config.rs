//! How the server is run: flags, environment, file.

#![allow(rustdoc::bare_urls, reason = "what is said here stands in the help of the command line")]

use core::{net::SocketAddr, num::NonZeroU32};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Parser, Subcommand};

use crate::mail::Language;

/// Wardkey's key server: it wraps, keeps and releases keys, and can read none of what they open.
#[derive(Debug, Parser)]
#[command(name = "wardkey-server", version, max_term_width = 120)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers requests, until SIGTERM or SIGINT
    Serve(Box<Serve>),
    /// Makes the tables, or brings those of an earlier version up to this one
    Migrate(Place),
    /// Copies everything into one file, also while the server runs
    Backup {
        #[command(flatten)]
        place: Place,
        /// The file, which must not be there yet
        to: PathBuf,
    },
    /// Takes everything from a file that `backup` wrote, of either database
    Restore {
        #[command(flatten)]
        place: Place,
        /// The file
        from: PathBuf,
        /// In the place of what is there
        #[arg(long)]
        force: bool,
    },
    /// Writes the journal of all into one file, also while the server runs
    ExportJournal {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        secret: Secret,
        /// The file, which must not be there yet
        to: PathBuf,
    },
    /// Checks a journal: no gap, no fork, no reorder, every entry as it was written. Prints the newest head, to be kept elsewhere
    VerifyJournal {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        secret: Secret,
        /// A file that `export-journal` or `admin export-journal` wrote, in the place of the database
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The key server's fingerprint, which a file must be of
        #[arg(long, value_name = "FINGERPRINT", allow_hyphen_values = true)]
        key_server: Option<String>,
        /// A file of heads that were kept elsewhere, one a line: the journal must contain them
        #[arg(long, value_name = "FILE")]
        head: Vec<PathBuf>,
    },
    /// Asks a running server as the application does
    Admin(Admin),
    /// A new secret for --secret-file: 32 random bytes as text
    Secret,
    /// A key pair for the tokens of an application's server: writes ID.key.pem and ID.public.pem
    TokenKey {
        /// The folder
        #[arg(default_value = ".")]
        to: PathBuf,
        /// Names of the files
        #[arg(long, default_value = "token")]
        name: String,
    },
    /// A token for a user, signed as the application's server would: for development
    Token(Token),
}

/// Where everything is kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct Place {
    /// The data folder
    #[arg(long, env = "WARDKEY_DATA", default_value = "wardkey-data", value_name = "DIR")]
    pub data: PathBuf,
    /// A PostgreSQL database, in the place of SQLite in the data folder: postgres://user:password@host/name
    #[arg(long, env = "WARDKEY_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// The application, where there are several
    #[arg(long = "of", value_name = "APP")]
    pub of: Option<String>,
}

/// What opens the key server's own keys.
#[derive(Clone, Debug, Args)]
pub(crate) struct Secret {
    /// The secret that seals the key server's own keys; of `dev`, that in its folder
    #[arg(long, env = "WARDKEY_SECRET_FILE", value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
}

/// What is served, where, and how much of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Serve {
    /// A file of these settings: lines of `name = value`, the names of the flags (TOML). Flags and environment go first
    #[arg(long, env = "WARDKEY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder: the database, and what belongs to the application `dev`
    #[arg(long, env = "WARDKEY_DATA", default_value = "wardkey-data", value_name = "DIR")]
    pub data: PathBuf,
    /// A PostgreSQL database, in the place of SQLite in the data folder: postgres://user:password@host/name
    #[arg(long, env = "WARDKEY_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Connections to PostgreSQL
    #[arg(long, env = "WARDKEY_CONNECTIONS", default_value = "8", value_name = "N")]
    pub connections: usize,
    /// Where to listen
    #[arg(long, env = "WARDKEY_LISTEN", default_value = "127.0.0.1:8790", value_name = "HOST:PORT")]
    pub listen: String,
    /// An application and the public key of its tokens (Ed25519, PEM); again with the same id: another key that is good. None: `dev`, on loopback only
    #[arg(long, env = "WARDKEY_APP", value_delimiter = ',', value_name = "ID=PUBLIC_KEY_FILE")]
    pub app: Vec<String>,
    /// The credential of an application's server, for /v1/assignments and /v1/admin
    #[arg(long, env = "WARDKEY_ADMIN", value_delimiter = ',', value_name = "ID=FILE")]
    pub admin: Vec<String>,
    /// The secret that seals the key server's own keys, kept apart from the database: see `wardkey-server secret`
    #[arg(long, env = "WARDKEY_SECRET_FILE", value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// The same, itself: from the environment
    #[arg(skip)]
    pub secret: Option<String>,
    /// The mail server: smtps://user:password@host:465
    #[arg(long, env = "WARDKEY_SMTP", value_name = "URL", hide_env_values = true)]
    pub smtp: Option<String>,
    /// Writes codes into files of this folder in the place of mails: for development
    #[arg(long, env = "WARDKEY_MAIL_FOLDER", value_name = "DIR", conflicts_with = "smtp")]
    pub mail_folder: Option<PathBuf>,
    /// The sender of mails
    #[arg(long, env = "WARDKEY_MAIL_FROM", default_value = "wardkey@localhost", value_name = "ADDRESS")]
    pub mail_from: String,
    /// What mails call the service
    #[arg(long, env = "WARDKEY_MAIL_SERVICE", default_value = "Wardkey", value_name = "NAME")]
    pub mail_service: String,
    /// The language of mails where the browser asks for none of these
    #[arg(long, env = "WARDKEY_MAIL_LANGUAGE", default_value = "en")]
    pub mail_language: Language,
    /// Pages that may ask: https://app.example. Of `dev`: all of this machine
    #[arg(long, env = "WARDKEY_CORS_ORIGIN", value_delimiter = ',', value_name = "ORIGIN")]
    pub cors_origin: Vec<String>,
    /// A certificate chain (PEM); without one, a proxy in front ends TLS
    #[arg(long, env = "WARDKEY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, env = "WARDKEY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Where Prometheus reads /metrics
    #[arg(long, env = "WARDKEY_METRICS", value_name = "HOST:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Requests without a token by address and minute. A hospital is one address
    #[arg(long, env = "WARDKEY_PUBLIC_RATE", default_value = "600", value_name = "N")]
    pub public_rate: NonZeroU32,
    /// Requests of a user by second
    #[arg(long, env = "WARDKEY_USER_RATE", default_value = "50", value_name = "N")]
    pub user_rate: NonZeroU32,
    /// Requests worked on at once
    #[arg(long, env = "WARDKEY_AT_ONCE", default_value = "512", value_name = "N")]
    pub at_once: usize,
    /// MiB of request bodies in memory at once
    #[arg(long, env = "WARDKEY_BODIES", default_value = "256", value_name = "MIB")]
    pub bodies: usize,
    /// Seconds for which a client may send nothing
    #[arg(long, env = "WARDKEY_PATIENCE", default_value = "20", value_name = "SECONDS")]
    pub(crate) patience: u64,
    /// Proxies in front, each of which adds an address to X-Forwarded-For
    #[arg(long, env = "WARDKEY_PROXIES", default_value = "0", value_name = "N")]
    pub proxies: usize,
    /// The log, on standard error
    #[arg(long, env = "WARDKEY_LOG_FORMAT", default_value = "json", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged
    #[arg(long, env = "WARDKEY_LOG", default_value = "info", value_name = "LEVEL")]
    pub log: LogLevel,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// One object a line
    Json,
    /// For people
    Text,
}

/// From which level on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogLevel {
    /// What failed
    Error,
    /// And what is tried again
    Warn,
    /// And starts and stops
    Info,
    /// And each request
    Debug,
}

/// What the application asks.
#[derive(Debug, Args)]
pub(crate) struct Admin {
    /// The server
    #[arg(long, env = "WARDKEY_URL", default_value = "http://127.0.0.1:8790", value_name = "URL")]
    pub url: String,
    /// The application's credential
    #[arg(long, env = "WARDKEY_ADMIN_FILE", default_value = "wardkey-data/dev/admin.credential", value_name = "FILE")]
    pub credential_file: PathBuf,
    /// What
    #[command(subcommand)]
    pub what: AdminCommand,
}

/// What an application's server may ask for.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// What is kept of a user, without any key
    User {
        /// The user id
        #[arg(allow_hyphen_values = true)]
        user_id: String,
    },
    /// Refuses a user's requests from now on; nothing is deleted
    Disable {
        /// The user id
        #[arg(allow_hyphen_values = true)]
        user_id: String,
    },
    /// Answers them again
    Enable {
        /// The user id
        #[arg(allow_hyphen_values = true)]
        user_id: String,
    },
    /// Gives what was sent to a placeholder to a group
    Assign {
        /// The placeholder's name
        #[arg(allow_hyphen_values = true)]
        placeholder: String,
        /// The group's id
        #[arg(allow_hyphen_values = true)]
        group_id: String,
    },
    /// Writes the journal of a user or of a session into a file, with what proves where it stands in the journal of all
    ExportJournal {
        /// The application
        #[arg(long, default_value = "dev")]
        app: String,
        /// Of this user
        #[arg(long, allow_hyphen_values = true, conflicts_with = "session", required_unless_present = "session")]
        user: Option<String>,
        /// Of this session
        #[arg(long, allow_hyphen_values = true)]
        session: Option<String>,
        /// The file, which must not be there yet
        to: PathBuf,
    },
    /// The journal of a user or of a session
    Journal {
        /// Of this user
        #[arg(long, allow_hyphen_values = true, conflicts_with = "session", required_unless_present = "session")]
        user: Option<String>,
        /// Of this session
        #[arg(long, allow_hyphen_values = true)]
        session: Option<String>,
        /// After this entry
        #[arg(long, default_value = "0")]
        after: u64,
    },
}

/// A token for development.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The user id
    #[arg(allow_hyphen_values = true)]
    pub user_id: String,
    /// The app id
    #[arg(long, default_value = "dev")]
    pub app: String,
    /// The private key of the application's tokens
    #[arg(long, default_value = "wardkey-data/dev/token.key.pem", value_name = "FILE")]
    pub key: PathBuf,
    /// How long it is good, in seconds
    #[arg(long, default_value = "3600")]
    pub life: u64,
}

/// What was asked on the command line, the settings of a file among it.
///
/// # Errors
/// What clap says; a file that can't be read.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let file = arguments.get(1).filter(|command| *command == "serve").and_then(|_| config_file(&arguments));
    if let Some(file) = file {
        let more = from_file(&file, &arguments).map_err(|why| {
            clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{}: {why}\n", file.display()))
        })?;
        arguments.splice(2..2, more);
    }
    let mut cli = Cli::try_parse_from(arguments)?;
    if let Command::Serve(serve) = &mut cli.command {
        serve.secret = std::env::var("WARDKEY_SECRET").ok();
    }
    Ok(cli)
}

fn config_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        if text == "--config" {
            return rest.next().map(PathBuf::from);
        }
        if let Some(file) = text.strip_prefix("--config=") {
            return Some(file.into());
        }
    }
    std::env::var_os("WARDKEY_CONFIG").map(PathBuf::from)
}

/// The file's settings as flags, but for those that stand in the arguments or in the environment.
fn from_file(file: &Path, arguments: &[OsString]) -> Result<Vec<OsString>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    let settings: toml::Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    let mut flags = Vec::new();
    for (name, value) in settings {
        let flag = format!("--{name}");
        let stands = |argument: &OsString| {
            let text = argument.to_string_lossy();
            text == flag || text.strip_prefix(&flag).is_some_and(|rest| rest.starts_with('='))
        };
        let variable = format!("WARDKEY_{}", name.replace('-', "_").to_uppercase());
        if name == "config" || arguments.iter().any(stands) || std::env::var_os(variable).is_some() {
            continue;
        }
        let values = match value {
            toml::Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                _ => return Err(format!("{name}: text or a number is wanted")),
            };
            flags.push(format!("{flag}={value}").into());
        }
    }
    Ok(flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(arguments: &[&str]) -> Result<Serve, clap::Error> {
        let all = ["wardkey-server", "serve"].iter().chain(arguments).map(OsString::from);
        match parse(all)?.command {
            Command::Serve(serve) => Ok(*serve),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    /// One id of 64 begins with a hyphen.
    #[test]
    fn ids_may_begin_with_a_hyphen() {
        for arguments in [
            &["admin", "user", "-alice"][..],
            &["admin", "assign", "-clinic", "-QAA"],
            &["admin", "journal", "--session", "-QAA"],
            &["admin", "export-journal", "--session", "-QAA", "file"],
            &["verify-journal", "--file", "file", "--key-server", "-QAA"],
            &["token", "-alice"],
        ] {
            parse(["wardkey-server"].iter().chain(arguments).map(OsString::from)).unwrap();
        }
    }

    #[test]
    fn flags_go_before_the_file() {
        let folder = std::env::temp_dir().join(format!("wardkey-config-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("server.toml");
        fs::write(&file, "listen = \"0.0.0.0:1\"\npublic-rate = 7\napp = [\"a=a.pem\", \"b=b.pem\"]\n").unwrap();
        let config = format!("--config={}", file.display());
        let read = serve(&[&config, "--listen", "127.0.0.1:2"]).unwrap();
        assert_eq!((read.listen.as_str(), read.public_rate.get()), ("127.0.0.1:2", 7));
        assert_eq!(read.app, ["a=a.pem", "b=b.pem"]);
        for wrong in ["listn = \"x\"", "listen = 1.5", "listen", "public-rate = 0"] {
            fs::write(&file, wrong).unwrap();
            assert!(serve(&[&config]).is_err(), "{wrong}");
        }
        assert!(serve(&["--config", "/nowhere/at/all"]).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
