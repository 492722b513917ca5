//! The journal of one user or session, with where its entries stand in the log.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wardkey::{
    error::{Code, Error},
    identity::{AppId, Identity, UserId},
    journal::{Place, Proof, Reading, RowHeader, Subject, verify, verify_proofs},
    signed::{Hash, Minimum},
};

use super::{
    Failed,
    text::{First, Lines, write},
};

const WHAT: &str = "journal of one";

/// An entry, or the end.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Entry { entry: String, proof: Option<Stands> },
    End { entries: u64 },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stands {
    header: String,
    index: u32,
    path: Vec<String>,
}

/// What a verified journal of one holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneReport {
    /// Of whom or what it tells.
    pub subject: Subject,
    /// Where it ends, by its head.
    pub place: Place,
    /// Of its entries so many are in the log: from the first on.
    pub logged: u64,
    /// The log's newest header that the file names: to be compared with other people's.
    pub log: Option<Place>,
    /// By the key server of this fingerprint.
    pub key_server: Hash,
}

/// A page of API section 7.3, with proofs.
#[derive(Deserialize)]
struct Page {
    entries: Vec<String>,
    head: String,
    more: bool,
    proofs: Vec<Option<Stands>>,
    log: Option<String>,
}

/// Writes a journal. `ask` gives the answer of `POST /v1/journal` or `/v1/admin/journal` about this subject, with `proofs`, after a sequence.
///
/// # Errors
/// Those of `ask`, and of the file; nothing is verified.
pub fn export_one(
    (key_server, app_id): (&Identity, &AppId),
    subject: &Subject,
    mut ask: impl FnMut(u64) -> Result<Value, Failed>,
    out: &mut impl Write,
) -> Result<u64, Failed> {
    let mut first = First::of(WHAT, key_server, app_id);
    match subject {
        Subject::User(id) => first.user_id = Some(id.as_str().to_owned()),
        Subject::Session(id) => first.session_id = Some(id.to_string()),
    }
    let (mut lines, mut is_logged) = (Vec::new(), true);
    loop {
        let answer = serde_json::from_value(ask(lines.len() as u64)?);
        let Page { entries, head, more, proofs, log } =
            answer.map_err(|_| Failed::Line(0, "not a page of a journal"))?;
        if entries.len() != proofs.len() {
            return Err(Failed::Line(0, "not a page of a journal"));
        }
        let is_last = entries.is_empty() || !more;
        lines.extend(entries.into_iter().zip(proofs).map(|(entry, proof)| {
            // What got into the log between two pages counts as not there, so that it is the beginning that is.
            is_logged &= proof.is_some();
            Line::Entry { entry, proof: proof.filter(|_| is_logged) }
        }));
        (first.head, first.log) = (Some(head), log);
        if is_last {
            break;
        }
    }
    let entries = lines.len() as u64;
    write(out, &first)?;
    for line in lines.into_iter().chain([Line::End { entries }]) {
        write(out, &line)?;
    }
    out.flush()?;
    Ok(entries)
}

/// Verifies a file that [`export_one`] wrote. Without a fingerprint it is any key server's: the report says whose.
///
/// # Errors
/// Where it isn't whole, and why.
pub fn verify_one(input: impl BufRead, fingerprint: Option<&Hash>) -> Result<OneReport, Failed> {
    const ORDER: Error = Error::new(&(Code::BadSignature, "an entry in the log after one that isn't"));
    const SHORT: Error = Error::new(&(Code::Rollback, "the log ends before an entry that stands in it"));
    let mut lines = Lines::new(input);
    let (first, key_server) = lines.first(WHAT, fingerprint)?;
    let subject = subject(&first).ok_or_else(|| lines.no("of no user and no session"))?;
    let head = lines.bytes(first.head.as_deref().unwrap_or_default())?;
    let log = first.log.as_deref().map(|text| lines.bytes(text)).transpose()?;
    let (mut entries, mut proofs) = (Vec::new(), Vec::new());
    loop {
        match lines.next()? {
            Line::Entry { entry, proof } => {
                entries.push(lines.bytes(&entry)?);
                if let Some(Stands { header, index, path }) = proof {
                    if proofs.len() + 1 != entries.len() {
                        return Err(Failed::At(entries.len() as u64, ORDER));
                    }
                    let path = path.iter().map(|text| Hash::parse(text).ok_or_else(|| lines.no("not a hash")));
                    let path = path.collect::<Result<_, _>>()?;
                    proofs.push(Proof { header: lines.bytes(&header)?, index, path });
                }
            }
            Line::End { entries: count } if count == entries.len() as u64 => break,
            Line::End { .. } => return Err(lines.no("another number of entries")),
        }
    }
    lines.finish()?;
    let failed = |error| Failed::At(0, error);
    let given: Vec<_> = entries.iter().map(Vec::as_slice).collect();
    let reading = Reading { subject: &subject, after: 0, entries: &given, head: &head };
    let (_, place) = verify(&reading, &key_server, None, Minimum::default()).map_err(failed)?;
    let proved: Vec<_> = given.iter().copied().zip(&proofs).collect();
    let newest = verify_proofs(&proved, &key_server, Minimum::default()).map_err(failed)?;
    let log = log.map(|header| RowHeader::verify(&header, &key_server, Minimum::default())).transpose();
    let log = log.map_err(failed)?.map(|header| Place { sequence: header.value().number, hash: *header.hash() });
    if let Some(newest) = newest {
        match log {
            Some(log) if log.sequence > newest.sequence || log == newest => {}
            Some(log) if log.sequence == newest.sequence => {
                return Err(failed(Error::new(&(Code::Fork, "two rows of one number"))));
            }
            _ => return Err(failed(SHORT)),
        }
    }
    Ok(OneReport { subject, place, logged: proofs.len() as u64, log, key_server: *key_server.fingerprint() })
}

fn subject(first: &First) -> Option<Subject> {
    match (&first.user_id, &first.session_id) {
        (Some(id), None) => UserId::new(id).ok().map(Subject::User),
        (None, Some(id)) => Hash::parse(id).map(Subject::Session),
        _ => None,
    }
}
