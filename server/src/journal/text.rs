//! Lines of JSON.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};
use wardkey::{
    encoding::{base64url, from_base64url},
    identity::{AppId, Asked, Identity},
    signed::{Hash, Minimum},
};

use super::Failed;

pub(super) const VERSION: u64 = 1;

/// Of what the file is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct First {
    pub(super) wardkey: String,
    pub(super) version: u64,
    pub(super) app_id: String,
    pub(super) key_server: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
}

impl First {
    pub(super) fn of(what: &str, key_server: &Identity, app_id: &AppId) -> Self {
        let key_server = key_server.bundles().iter().map(|bundle| base64url(&bundle.to_bytes())).collect();
        Self {
            wardkey: what.to_owned(),
            version: VERSION,
            app_id: app_id.as_str().to_owned(),
            key_server,
            user_id: None,
            session_id: None,
            head: None,
            log: None,
        }
    }
}

pub(super) fn write(out: &mut impl Write, line: &impl Serialize) -> Result<(), Failed> {
    serde_json::to_writer(&mut *out, line).map_err(std::io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Lines, counted.
pub(super) struct Lines<R> {
    input: R,
    pub(super) number: u64,
    text: String,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, number: 0, text: String::new() }
    }

    pub(super) const fn no(&self, why: &'static str) -> Failed {
        Failed::Line(self.number, why)
    }

    /// The next line; after the last one it is cut off.
    pub(super) fn next<'a, T: Deserialize<'a>>(&'a mut self) -> Result<T, Failed> {
        self.number += 1;
        self.text.clear();
        if self.input.read_line(&mut self.text)? == 0 {
            return Err(Failed::Line(self.number, "the file is cut off"));
        }
        serde_json::from_str(&self.text).map_err(|_| Failed::Line(self.number, "not a line of a journal"))
    }

    /// After the last line there is nothing.
    pub(super) fn finish(&mut self) -> Result<(), Failed> {
        self.number += 1;
        if self.input.fill_buf()?.is_empty() { Ok(()) } else { Err(self.no("something after the end")) }
    }

    /// The first line, of this kind of file, and the key server that it names.
    pub(super) fn first(&mut self, what: &str, fingerprint: Option<&Hash>) -> Result<(First, Identity), Failed> {
        let first: First = self.next()?;
        if first.wardkey != what {
            return Err(self.no("another kind of file"));
        }
        if first.version != VERSION {
            return Err(self.no("written by another version"));
        }
        let bundles = self.all_bytes(&first.key_server)?;
        let bundles: Vec<_> = bundles.iter().map(Vec::as_slice).collect();
        let app_id = AppId::new(&first.app_id).map_err(|error| Failed::At(0, error))?;
        let identity = Identity::verify(&bundles, &app_id, Asked::KeyServer, Minimum::default());
        let identity = identity.map_err(|error| Failed::At(0, error))?;
        match fingerprint {
            Some(fingerprint) if fingerprint != identity.fingerprint() => {
                Err(Failed::KeyServer(*identity.fingerprint()))
            }
            _ => Ok((first, identity)),
        }
    }

    pub(super) fn bytes(&self, text: &str) -> Result<Vec<u8>, Failed> {
        from_base64url(text).map_err(|_| self.no("not base64url"))
    }

    pub(super) fn all_bytes(&self, texts: &[String]) -> Result<Vec<Vec<u8>>, Failed> {
        texts.iter().map(|text| self.bytes(text)).collect()
    }
}
