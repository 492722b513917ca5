//! The development mailbox: the folder into which the key server writes its mails, and the application its invitations.

use std::{fs, io, path::Path, time::SystemTime};

use axum::{extract::State, response::Response};
use quoted_printable::ParseMode;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    clock::{iso, ms_of},
    http::{self, Shared},
    refused::{Outcome, Refused},
};

/// The newest of the folder's.
const SHOWN: usize = 200;

/// Invites a facility's first administrator.
///
/// # Errors
/// What the file system says.
pub(crate) fn invite(folder: &Path, facility: &str, name: &str, contact: Option<&str>, code: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let to = contact.unwrap_or("administration@transfers.example");
    let mail = format!(
        "From: transfers@transfers.example\r\nTo: {to}\r\nSubject: Invitation to the transfers of {name}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Welcome. Whoever registers first for {name} becomes its administrator. The invitation is\r\n\r\n    {code}\r\n\r\nIt is good once.\r\n"
    );
    // Whoever watches the folder sees the whole file or none.
    let (begun, whole) =
        (folder.join(format!("invitation-{facility}.tmp")), folder.join(format!("invitation-{facility}.eml")));
    fs::write(&begun, mail)?;
    fs::rename(begun, whole)
}

/// `GET /api/dev/mail`: newest first. Nobody needs to be logged in: whoever forgot his password isn't.
pub(crate) async fn list(State(app): State<Shared>) -> Outcome<Response> {
    let folder = app.settings.mail_folder.clone();
    let read = spawn_blocking(move || read_all(&folder)).await.map_err(|error| Refused::failed(&error))?;
    Ok(http::json(&Value::Array(read.map_err(|error| Refused::failed(&error))?)))
}

fn read_all(folder: &Path) -> io::Result<Vec<Value>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut mails = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "eml") {
            mails.push((entry.metadata()?.modified()?, entry.file_name(), fs::read_to_string(entry.path())?));
        }
    }
    mails.sort();
    Ok(mails.into_iter().rev().take(SHOWN).map(|(at, _, mail)| to_json(at, &mail)).collect())
}

fn to_json(at: SystemTime, mail: &str) -> Value {
    let (head, body) = mail.split_once("\r\n\r\n").unwrap_or((mail, ""));
    // RFC 5322: a line that begins with a space goes on.
    let head = head.replace("\r\n ", " ");
    let header = |name: &str| {
        let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let is_encoded =
        header("Content-Transfer-Encoding").is_some_and(|way| way.eq_ignore_ascii_case("quoted-printable"));
    let decoded = quoted_printable::decode(body, ParseMode::Robust).ok().filter(|_| is_encoded);
    let text = decoded.map_or_else(|| body.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
    // A code stands alone, indented by four spaces.
    let code = text.lines().filter_map(|line| line.strip_prefix("    ")).map(str::trim).find(|line| !line.is_empty());
    let mut said = json!({ "to": header("To"), "at": iso(ms_of(at)), "subject": header("Subject"), "text": text.replace("\r\n", "\n") });
    if let (Some(code), Some(members)) = (code, said.as_object_mut()) {
        members.insert("code".to_owned(), code.into());
    }
    said
}
