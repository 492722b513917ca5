//! `wardkey-server`: from the command line to what it does.

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use tracing::Level;
use tracing_subscriber::{Layer as _, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use wardkey::identity::{AppId, UserId};

use crate::{
    admin, apps,
    audit::{self, Against},
    clock::now_ms,
    config::{self, Command, LogFormat, LogLevel, Serve},
    sealed::OperatorSecret,
    serve,
    store::{Database, Place},
    tokens,
};

/// Does what the command line says.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match config::parse(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match act(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(io::stderr(), "wardkey-server: {why}");
            ExitCode::FAILURE
        }
    }
}

fn act(command: Command) -> Result<(), String> {
    match command {
        Command::Serve(settings) => {
            log(&settings);
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(serve::serve(*settings))
        }
        Command::Secret => say(&OperatorSecret::generate().map_err(|error| error.to_string())?),
        Command::TokenKey { to, name } => {
            apps::make_folder(&to)?;
            let (private, public) = apps::write_token_key(&to, &name)?;
            say(&format!("{}\n{}", private.display(), public.display()))
        }
        Command::Token(token) => {
            let app = AppId::new(&token.app).map_err(|error| error.to_string())?;
            let user = UserId::new(&token.user_id).map_err(|error| error.to_string())?;
            say(&tokens::sign_token(&apps::read(&token.key)?, &app, &user, now_ms() / 1_000, token.life)?)
        }
        Command::Admin(admin) => say(&admin::ask(&admin)?),
        Command::Migrate(place) => {
            let place = kept(&place)?;
            Database::migrate(&place).map_err(|error| error.to_string())?;
            say("the tables are this version's")
        }
        Command::Backup { place, to } => {
            if to.exists() {
                return Err(format!("{}: is there already", to.display()));
            }
            Database::backup(&kept(&place)?, &to).map_err(|error| error.to_string())?;
            say(&format!("{}: {} bytes", to.display(), to.metadata().map_or(0, |file| file.len())))
        }
        Command::Restore { place, from, force } => {
            Database::restore(&from, &kept(&place)?, force).map_err(|error| error.to_string())?;
            say("restored: at its next start the server has its clients read their feeds anew")
        }
        Command::ExportJournal { place, secret, to } => {
            let app_id = whose(&place)?;
            let secret = own_secret(&secret, &place, &app_id)?;
            say(&audit::write(&kept(&place)?, &app_id, &secret, &to)?)
        }
        Command::VerifyJournal { place, secret, file, key_server, head } => {
            let against = Against { key_server: key_server.as_deref(), heads: &head };
            if let Some(file) = file {
                return say(&audit::check_file(&file, &against)?);
            }
            let app_id = whose(&place)?;
            let secret = own_secret(&secret, &place, &app_id)?;
            say(&audit::check(&kept(&place)?, &app_id, &secret, &against)?)
        }
    }
}

/// The application that is meant: the only one with a folder here, if none is named.
fn whose(place: &config::Place) -> Result<AppId, String> {
    match &place.of {
        Some(id) => AppId::new(id).map_err(|_| format!("--of {id}: an app id is text of 1 to 128 bytes")),
        None if place.database.is_some() => Err("--of is missing: the application whose database it is".to_owned()),
        None => apps::only(&place.data),
    }
}

/// Its database.
fn kept(place: &config::Place) -> Result<Place, String> {
    let id = match &place.database {
        // A URL that names no application's is whole without one.
        Some(url) if place.of.is_none() && !url.contains("{app}") => {
            AppId::new(apps::DEV).map_err(|error| error.to_string())?
        }
        _ => whose(place)?,
    };
    serve::place(&place.data, place.database.as_deref(), &id, true)
}

/// What opens the key server's own keys.
fn own_secret(given: &config::Secret, place: &config::Place, app_id: &AppId) -> Result<OperatorSecret, String> {
    let text = match (&given.secret_file, std::env::var("WARDKEY_SECRET")) {
        (Some(file), _) => apps::read(file)?,
        (None, Ok(text)) => text,
        (None, Err(_)) if app_id.as_str() == apps::DEV => {
            apps::read(&apps::folder(&place.data, app_id).join("secret"))?
        }
        (None, Err(_)) => return Err("--secret-file is missing: what opens the key server's own keys".to_owned()),
    };
    OperatorSecret::from_text(&text).map_err(|error| error.to_string())
}

fn say(text: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{text}").map_err(|error| error.to_string())
}

/// The log goes to standard error. Only the server's own: a database's client would tell the parameters of its statements.
fn log(settings: &Serve) {
    let level = match settings.log {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let own = Targets::new().with_target("wardkey_server", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_target(false);
    let registry = tracing_subscriber::registry();
    match settings.log_format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true).with_filter(own)).init(),
        LogFormat::Text => registry.with(lines.with_filter(own)).init(),
    }
}
