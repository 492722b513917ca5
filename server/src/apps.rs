//! The applications that are served: their keys, and the key server's own of each.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use wardkey::{
    encoding::{base64url, from_base64url},
    identity::AppId,
};

use crate::{sealed::OperatorSecret, tokens};

/// The application of a server that was given none.
pub(crate) const DEV: &str = "dev";

/// What is known of an application before its database is opened.
#[derive(Debug)]
pub(crate) struct Configured {
    /// Its id.
    pub id: AppId,
    /// Its tokens' keys.
    pub keys: Vec<VerifyingKey>,
    /// Its server's credential.
    pub credential: Option<String>,
}

/// `ID=FILE`, the file's text with it. An id may have `=`: the last one divides.
fn divided(given: &str) -> Result<(AppId, PathBuf), String> {
    let (id, file) = given.rsplit_once('=').ok_or_else(|| format!("{given}: ID=FILE is wanted"))?;
    let id = AppId::new(id).map_err(|_| format!("{id}: an app id is text of 1 to 128 bytes"))?;
    Ok((id, file.into()))
}

pub(crate) fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// The applications of `--app` and `--admin`.
///
/// # Errors
/// In one line, what is wrong.
pub(crate) fn configured(apps: &[String], admins: &[String]) -> Result<Vec<Configured>, String> {
    let mut all: BTreeMap<String, Configured> = BTreeMap::new();
    for given in apps {
        let (id, file) = divided(given)?;
        let key = tokens::read_public_key(&read(&file)?).map_err(|why| format!("{}: {why}", file.display()))?;
        let app = all.entry(id.as_str().to_owned());
        app.or_insert_with(|| Configured { id, keys: Vec::new(), credential: None }).keys.push(key);
    }
    for given in admins {
        let (id, file) = divided(given)?;
        let app = all.get_mut(id.as_str()).ok_or_else(|| format!("--admin {}: no such --app", id.as_str()))?;
        let credential = read(&file)?.trim().to_owned();
        if credential.len() < 32 {
            return Err(format!(
                "{}: a credential has at least 32 characters, as of `wardkey-server secret`",
                file.display()
            ));
        }
        app.credential = Some(credential);
    }
    Ok(all.into_values().collect())
}

/// The application `dev`, with a key pair and a credential in the data folder, made at the first start; and the secret there.
///
/// # Errors
/// In one line, what is wrong.
pub(crate) fn development(data: &Path) -> Result<(Configured, OperatorSecret), String> {
    let id = AppId::new(DEV).map_err(|error| error.to_string())?;
    let folder = folder(data, &id);
    make_folder(&folder)?;
    let [private, credential, secret] = ["token.key.pem", "admin.credential", "secret"].map(|name| folder.join(name));
    if !private.exists() {
        write_token_key(&folder, "token")?;
    }
    let key = tokens::read_private_key(&read(&private)?).map_err(|why| format!("{}: {why}", private.display()))?;
    let key = key.verifying_key();
    if !credential.exists() {
        write_secret(&credential, &tokens::generate_credential()?)?;
    }
    if !secret.exists() {
        write_secret(&secret, &OperatorSecret::generate().map_err(|error| error.to_string())?)?;
    }
    let secret = OperatorSecret::from_text(&read(&secret)?).map_err(|error| error.to_string())?;
    let credential = Some(read(&credential)?.trim().to_owned());
    Ok((Configured { id, keys: vec![key], credential }, secret))
}

/// Where an application's database is: a folder of its own.
#[must_use]
pub(crate) fn folder(data: &Path, id: &AppId) -> PathBuf {
    data.join(segment(id))
}

/// An app id as one segment of a path: itself where it is plain, else `~` and base64url.
#[must_use]
pub(crate) fn segment(id: &AppId) -> String {
    let text = id.as_str();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let is_taken = text.starts_with('.') || ["v1", "health", "metrics"].contains(&text);
    if is_plain && !is_taken { text.to_owned() } else { format!("~{}", base64url(text.as_bytes())) }
}

/// The only application that has a folder here.
///
/// # Errors
/// In one line, that there are more or none.
pub(crate) fn only(data: &Path) -> Result<AppId, String> {
    let entries = fs::read_dir(data).map_err(|error| format!("{}: {error}", data.display()))?;
    let mut names = entries.filter_map(|entry| {
        let entry = entry.ok().filter(|entry| entry.path().is_dir())?;
        let name = entry.file_name().into_string().ok()?;
        let name = match name.strip_prefix('~') {
            Some(encoded) => String::from_utf8(from_base64url(encoded).ok()?).ok()?,
            None => name,
        };
        AppId::new(&name).ok()
    });
    match (names.next(), names.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => {
            Err(format!("{}: no application has a folder here; --of says which one's is to be made", data.display()))
        }
        (Some(_), Some(_)) => Err("several applications: --of says which one is meant".to_owned()),
    }
}

/// A folder that is its owner's alone.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// A new file that is its owner's alone.
pub(crate) fn new_file(file: &Path) -> Result<fs::File, String> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// A text in a new file.
pub(crate) fn write_secret(file: &Path, text: &str) -> Result<(), String> {
    let mut opened = new_file(file)?;
    let written =
        opened.write_all(text.as_bytes()).and_then(|()| opened.write_all(b"\n")).and_then(|()| opened.sync_all());
    written.map_err(|error| format!("{}: {error}", file.display()))
}

/// A key pair for an application's tokens, in two files.
///
/// # Errors
/// In one line, what is wrong.
pub(crate) fn write_token_key(folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), String> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| "no randomness".to_owned())?;
    let key = SigningKey::from_bytes(&seed);
    let unwritable = |_| "the key can't be written".to_owned();
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| "the key can't be written".to_owned())?;
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(unwritable)?;
    let files = (folder.join(format!("{name}.key.pem")), folder.join(format!("{name}.public.pem")));
    write_secret(&files.0, private.trim_end())?;
    write_secret(&files.1, public.trim_end())?;
    Ok(files)
}
