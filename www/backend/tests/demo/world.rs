//! A server in a folder of its own, and people who ask it.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use ed25519_dalek::{
    SigningKey,
    pkcs8::{EncodePrivateKey, spki::der::pem::LineEnding},
};
use serde_json::{Value, json};
use ureq::http::Response;
use wardkey::encoding::base64url;

use crate::key_server::{APP, CREDENTIAL, KeyServer};

/// Of the application's tokens.
pub(crate) const TOKEN_SEED: [u8; 32] = [7; 32];

pub(crate) struct World {
    pub(crate) folder: PathBuf,
    pub(crate) keys: KeyServer,
    flags: Vec<String>,
    /// Does it show mails, rows and passwords?
    pub(crate) is_development: bool,
    child: Option<Child>,
    pub(crate) url: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: ureq::http::HeaderMap,
    pub(crate) bytes: Vec<u8>,
    pub(crate) json: Value,
}

impl Answer {
    fn of(mut response: Response<ureq::Body>) -> Self {
        let bytes = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { status: response.status().as_u16(), headers: response.headers().clone(), bytes, json }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// It is fine; gives the JSON.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.json);
        self.json
    }

    /// It is refused with this.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.json["code"].as_str().unwrap_or_default()), (status, code), "{}", self.json);
        assert!(self.json["message"].is_string());
    }

    /// The value of a cookie that was set.
    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        let mut set = self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let pair = set.find_map(|cookie| cookie.strip_prefix(name)?.strip_prefix('='))?;
        Some(format!("{name}={}", pair.split(';').next().unwrap()))
    }
}

impl World {
    /// Two facilities with two people each, the first of whom is an administrator, and one with nobody.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(flags: &[&str]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("wardkey-demo-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("page/assets")).unwrap();
        fs::write(folder.join("page/index.html"), "<!doctype html><title>page</title>").unwrap();
        fs::write(folder.join("page/assets/main.js"), "export {};").unwrap();
        fs::write(folder.join("page/.hidden"), "hidden").unwrap();
        fs::write(folder.join("credential"), CREDENTIAL).unwrap();
        let key = SigningKey::from_bytes(&TOKEN_SEED).to_pkcs8_pem(LineEnding::LF).unwrap();
        fs::write(folder.join("token.pem"), key.as_bytes()).unwrap();
        let facility = |id: &str, contact: Option<&str>| json!({ "id": id, "name": format!("Facility {id}"), "kind": "emergency", "city": "Basel", "contact": contact });
        let ada = json!({ "userId": "ada", "name": "Ada", "facilityId": "a", "role": "Physician", "admin": true, "password": "three blue herons at dawn" });
        let facilities = [facility("a", None), facility("b", Some("b@b.example")), facility("c", None)];
        fs::write(folder.join("demo.json"), json!({ "facilities": facilities, "people": [ada] }).to_string()).unwrap();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut world =
            Self { folder, keys: KeyServer::start(), flags, is_development: true, child: None, url: String::new() };
        world.run();
        world
    }

    /// The program with its flags; those of `more` stand in the place of the others of their names.
    pub(crate) fn command(&self, more: &[impl AsRef<OsStr>]) -> Command {
        let more: Vec<&OsStr> = more.iter().map(AsRef::as_ref).collect();
        let at = |name: &str| self.folder.join(name).into_os_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_wardkey-demo"));
        command.arg("serve").stderr(Stdio::piped());
        for (flag, value) in [
            ("--listen", "127.0.0.1:0".into()),
            ("--app-id", APP.into()),
            ("--key-server", self.keys.url.clone().into()),
            ("--escrow-key", self.keys.fingerprint().into()),
            ("--data", at("data")),
            ("--page", at("page")),
            ("--app-key", at("token.pem")),
            ("--credential", at("credential")),
            ("--demo", at("demo.json")),
            ("--key-server-data", at("keys")),
            ("--mail-folder", at("mail")),
        ] {
            if !more.contains(&OsStr::new(flag)) {
                command.arg(flag).arg(value);
            }
        }
        command.args(self.is_development.then_some("--development")).args(more);
        command
    }

    /// What it is run with from now on, in the place of what it was.
    pub(crate) fn flags(&mut self, flags: &[&str]) {
        self.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    }

    /// Runs it, on a port that the system chooses.
    pub(crate) fn run(&mut self) {
        let mut child = self.command(&self.flags).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = lines.find_map(|line| {
            let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
            line["url"].as_str().map(str::to_owned)
        });
        self.url = url.expect("it listens");
        self.child = Some(child);
        // What it says later isn't held up.
        std::thread::spawn(move || lines.for_each(drop));
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells it to stop; gives whether it ended well.
    pub(crate) fn stop(&mut self) -> bool {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
        child.wait().unwrap().success()
    }

    /// A request with these headers.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let agent = ureq::Agent::new_with_config(config);
        Answer::of(agent.run(request.body(body.unwrap_or_default()).unwrap()).unwrap())
    }

    /// A request as the page sends it, by nobody.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask_as("", method, path, body)
    }

    pub(crate) fn ask_as(&self, cookie: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        let headers = [("x-requested-with", "wardkey-demo"), ("content-type", "application/json"), ("cookie", cookie)];
        self.send(method, path, &headers, body.map(|body| body.to_string().into_bytes()).as_deref())
    }

    /// The invitation of a facility that has nobody.
    pub(crate) fn first_invitation(&self, facility: &str) -> String {
        let mails = self.ask("GET", "/api/dev/mail", None).ok();
        let is_it = |mail: &&Value| mail["subject"] == format!("Invitation to the transfers of Facility {facility}");
        mails.as_array().unwrap().iter().find(is_it).unwrap()["code"].as_str().unwrap().to_owned()
    }

    /// The first of a facility's staff, its administrator.
    pub(crate) fn first(&self, user: &str, facility: &str) -> Person<'_> {
        Person::register(self, user, facility, &self.first_invitation(facility))
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Somebody who is logged in.
pub(crate) struct Person<'w> {
    pub(crate) world: &'w World,
    pub(crate) cookie: String,
}

impl<'w> Person<'w> {
    pub(crate) fn register(world: &'w World, user: &str, facility: &str, invitation: &str) -> Self {
        let answer = world.ask("POST", "/api/register", Some(registration(user, facility, invitation)));
        let cookie = answer.cookie("wardkey-demo").expect("a login");
        answer.ok();
        Self { world, cookie }
    }

    /// Another of her facility's staff.
    pub(crate) fn colleague(&self, user: &str) -> Self {
        let facility = self.ask("GET", "/api/me", None).ok()["facilityId"].as_str().unwrap().to_owned();
        let body = json!({ "userId": user, "name": user, "admin": false });
        let invited = self.ask("POST", "/api/staff", Some(body)).ok();
        Self::register(self.world, user, &facility, invited["invitation"].as_str().unwrap())
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.world.ask_as(&self.cookie, method, path, body)
    }

    /// A transfer to this facility.
    pub(crate) fn send(&self, to: &str, sealed: &[u8]) -> Value {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let session = base64url(&[[0; 28].as_slice(), &NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes()].concat());
        let body = json!({ "sessionId": session, "to": to, "sealed": base64url(sealed), "files": [] });
        self.ask("POST", "/api/transfers", Some(body)).ok()
    }

    /// A file of these bytes, complete.
    pub(crate) fn upload(&self, data: &[u8]) -> String {
        let begun = self.ask("POST", "/api/files", Some(json!({ "size": data.len() }))).ok();
        let id = begun["fileId"].as_str().unwrap().to_owned();
        for (place, part) in data.chunks(8 << 20).enumerate() {
            self.put_part(&id, place, part).ok();
        }
        self.ask("POST", &format!("/api/files/{id}/complete"), None).ok();
        id
    }

    pub(crate) fn put_part(&self, id: &str, place: usize, part: &[u8]) -> Answer {
        let headers = [("x-requested-with", "wardkey-demo"), ("cookie", self.cookie.as_str())];
        self.world.send("PUT", &format!("/api/files/{id}/parts/{place}"), &headers, Some(part))
    }

    pub(crate) fn content(&self, id: &str, headers: &[(&str, &str)]) -> Answer {
        let all: Vec<_> = headers.iter().copied().chain([("cookie", self.cookie.as_str())]).collect();
        self.world.send("GET", &format!("/api/files/{id}/content"), &all, None)
    }
}

/// What a password becomes, here of the user's name.
pub(crate) fn secret(user: &str) -> String {
    let mut bytes = [0; 32];
    bytes[..user.len()].copy_from_slice(user.as_bytes());
    base64url(&bytes)
}

pub(crate) fn registration(user: &str, facility: &str, invitation: &str) -> Value {
    json!({ "userId": user, "name": user, "facilityId": facility, "loginSecret": secret(user), "invitation": invitation })
}

pub(crate) fn login(user: &str) -> Value {
    json!({ "userId": user, "loginSecret": secret(user) })
}

pub(crate) fn session(number: u8) -> String {
    base64url(&[number; 32])
}

pub(crate) fn id(number: u8) -> String {
    base64url(&[number; 16])
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
