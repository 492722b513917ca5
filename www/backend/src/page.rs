//! The built page, from its folder.

use std::io::ErrorKind;

use axum::{
    extract::State,
    http::{Method, Uri, header},
    response::{IntoResponse, Response},
};
use tokio::task::spawn_blocking;

use crate::{
    http::Shared,
    refused::{Outcome, Refused},
};

/// What a path gives that leads to no file.
const NOWHERE: [ErrorKind; 4] =
    [ErrorKind::NotFound, ErrorKind::IsADirectory, ErrorKind::NotADirectory, ErrorKind::InvalidFilename];

/// Every name of a path is a plain one: none leads out of the folder.
fn is_plain(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_fine)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

pub(crate) async fn serve(State(app): State<Shared>, method: Method, uri: Uri) -> Outcome<Response> {
    if ![Method::GET, Method::HEAD].contains(&method) {
        return Err(Refused::not_found());
    }
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    if !path.split('/').all(is_plain) {
        return Err(Refused::not_found());
    }
    let (file, kind) = (app.settings.page.join(path), kind(path));
    let read = spawn_blocking(move || std::fs::read(file)).await.map_err(|error| Refused::failed(&error))?;
    match read {
        Ok(bytes) => Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response()),
        Err(error) if NOWHERE.contains(&error.kind()) => Err(Refused::not_found()),
        Err(error) => Err(Refused::failed(&error)),
    }
}
