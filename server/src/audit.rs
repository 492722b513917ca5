//! `wardkey-server export-journal` and `verify-journal`: the journal of all, from the database or a file.

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use wardkey::{
    identity::{AppId, UserId},
    journal::{Place as Head, Subject},
    signed::Hash,
};
use wardkey_rules::Server;

use crate::{
    apps,
    journal::{OneReport, PAGE, Report, export, head_text, read_head, verify, verify_one, verify_rows},
    sealed::OperatorSecret,
    store::{Database, Place},
};

/// What a journal is checked against.
pub(crate) struct Against<'a> {
    /// The key server's fingerprint.
    pub(crate) key_server: Option<&'a str>,
    /// Files of heads that were kept elsewhere.
    pub(crate) heads: &'a [PathBuf],
}

fn opened(sealed: Option<Vec<u8>>, secret: &OperatorSecret, app_id: &AppId) -> Result<Server, String> {
    let sealed = sealed.ok_or("there is no key server in this database yet")?;
    secret.open(&sealed, app_id).map_err(|_| "the key server's keys don't open with this secret".to_owned())
}

/// Writes the journal of all into a file.
///
/// # Errors
/// In one line, what is wrong.
pub(crate) fn write(place: &Place, app_id: &AppId, secret: &OperatorSecret, to: &Path) -> Result<String, String> {
    let mut file = apps::new_file(to)?;
    let written = Database::read_log(place, |sealed, page| {
        let server = opened(sealed, secret, app_id)?;
        let rows = export((server.identity(), app_id), |after| page(after, PAGE), &mut file);
        rows.map_err(|error| error.to_string())
    });
    let rows = written.map_err(|error| error.to_string())??;
    Ok(format!("{}: {rows} rows", to.display()))
}

/// Checks the journal in a database.
///
/// # Errors
/// In one line, where it isn't whole.
pub(crate) fn check(
    place: &Place,
    app_id: &AppId,
    secret: &OperatorSecret,
    against: &Against<'_>,
) -> Result<String, String> {
    let (key_server, heads) = against.read()?;
    let report = Database::read_log(place, |sealed, page| {
        let server = opened(sealed, secret, app_id)?;
        if key_server.is_some_and(|key_server| key_server != *server.identity().fingerprint()) {
            return Err("the journal of another key server".to_owned());
        }
        verify_rows(server.identity(), |after| page(after, PAGE), &heads).map_err(|error| format!("row {error}"))
    });
    Ok(told(&report.map_err(|error| error.to_string())??))
}

/// Checks a file, of all or of one.
///
/// # Errors
/// In one line, where it isn't whole.
pub(crate) fn check_file(file: &Path, against: &Against<'_>) -> Result<String, String> {
    let said = |error: &dyn core::fmt::Display| format!("{}: {error}", file.display());
    let (key_server, heads) = against.read()?;
    let mut input = BufReader::new(File::open(file).map_err(|error| said(&error))?);
    let mut first = String::new();
    input.read_line(&mut first).and_then(|_| input.rewind()).map_err(|error| said(&error))?;
    let what: Value = serde_json::from_str(&first).unwrap_or_default();
    if what.get("wardkey").and_then(Value::as_str) == Some("journal of one") {
        let report = verify_one(input, key_server.as_ref()).map_err(|error| said(&error))?;
        if let Some(kept) = heads
            .iter()
            .find(|kept| report.log.is_some_and(|log| log.sequence == kept.sequence && log.hash != kept.hash))
        {
            return Err(said(&format!("another header than the one that was kept of row {}", kept.sequence)));
        }
        return Ok(told_of_one(&report));
    }
    Ok(told(&verify(input, key_server.as_ref(), &heads).map_err(|error| said(&error))?))
}

impl Against<'_> {
    fn read(&self) -> Result<(Option<Hash>, Vec<Head>), String> {
        let parse = |text| Hash::parse(text).ok_or_else(|| format!("--key-server {text}: not a fingerprint"));
        let mut heads = Vec::new();
        for file in self.heads {
            for line in apps::read(file)?.lines().filter(|line| !line.trim().is_empty()) {
                heads.push(read_head(line).ok_or_else(|| format!("{}: not a head: {line}", file.display()))?);
            }
        }
        Ok((self.key_server.map(parse).transpose()?, heads))
    }
}

fn told(report: &Report) -> String {
    let Report { rows, entries, subjects, head, time, key_server } = report;
    json!({
        "rows": rows,
        "entries": entries,
        "subjects": subjects,
        "head": head.as_ref().map(head_text),
        "time": time,
        "keyServer": key_server.to_string(),
    })
    .to_string()
}

fn told_of_one(report: &OneReport) -> String {
    let OneReport { subject, place, logged, log, key_server } = report;
    let (user, session) = match subject {
        Subject::User(id) => (Some(UserId::as_str(id)), None),
        Subject::Session(id) => (None, Some(id.to_string())),
    };
    json!({
        "userId": user,
        "sessionId": session,
        "entries": place.sequence,
        "logged": logged,
        "head": log.as_ref().map(head_text),
        "keyServer": key_server.to_string(),
    })
    .to_string()
}
