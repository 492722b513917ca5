//! A key server that says who it is, signs receipts, and writes down what only the application's credential may ask.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::{Value, json};
use wardkey::{
    account::Receipt,
    encoding::base64url,
    identity::{AppId, Bundle, UserId},
    key_pair::{KeyPair, Suite},
    random,
    sign::SigningKey,
    signed::Signed,
};

pub(crate) const APP: &str = "transfers.example";
pub(crate) const CREDENTIAL: &str = "a credential of the tests, long enough";

pub(crate) struct KeyServer {
    pub(crate) url: String,
    bundle: Signed<Bundle>,
    signing: SigningKey,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    says: Arc<Mutex<Says>>,
    connections: Arc<AtomicUsize>,
}

/// What it answers.
#[derive(Default)]
pub(crate) struct Says {
    identity: Value,
    /// Members, and the groups of each.
    groups: Vec<(String, String)>,
    /// It refuses to assign.
    is_stale: bool,
}

impl KeyServer {
    pub(crate) fn start() -> Self {
        let mut rng = random::system();
        let signing = SigningKey::generate(&mut rng).unwrap();
        let pair = KeyPair::generate(&mut rng, Suite::Hybrid).unwrap();
        let app = AppId::new(APP).unwrap();
        let bundle = Bundle::first(&app, None, pair.public_key(), &signing).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let identity = json!({ "keyServer": [base64url(&bundle.to_bytes())] });
        let says = Arc::new(Mutex::new(Says { identity, ..Says::default() }));
        let (told, answers) = (Arc::clone(&asked), Arc::clone(&says));
        let connections = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&connections);
        // It ends with the tests.
        thread::spawn(move || {
            for stream in listener.incoming() {
                counted.fetch_add(1, Ordering::SeqCst);
                let (told, answers) = (Arc::clone(&told), Arc::clone(&answers));
                thread::spawn(move || answer(stream.unwrap(), &told, &answers));
            }
        });
        Self { url, bundle, signing, asked, says, connections }
    }

    /// From now on this user is a member of this group.
    pub(crate) fn adds(&self, user: &str, group: &str) {
        self.says.lock().unwrap().groups.push((user.to_owned(), group.to_owned()));
    }

    /// How often it was connected to.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// It answers nothing until this is dropped.
    pub(crate) fn pauses(&self) -> MutexGuard<'_, Says> {
        self.says.lock().unwrap()
    }

    /// Does it refuse to assign, for the group's heads have ended?
    pub(crate) fn is_stale(&self, is_stale: bool) {
        self.says.lock().unwrap().is_stale = is_stale;
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.bundle.hash().to_string()
    }

    /// What was changed with the credential: paths and bodies.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn receipt(&self, app: &str, user: &str, recovery: [u8; 16], end: u64) -> String {
        let (app, user) = (AppId::new(app).unwrap(), UserId::new(user).unwrap());
        let receipt = Receipt::sign(&app, &user, recovery, end, (self.bundle.hash(), &self.signing)).unwrap();
        base64url(&receipt.to_bytes())
    }
}

fn answer(stream: TcpStream, asked: &Mutex<Vec<(String, Value)>>, says: &Mutex<Says>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            lines.push(line.trim().to_owned());
        }
        let header = |name: &str| {
            let mut pairs = lines.iter().filter_map(|line| line.split_once(": "));
            pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let length = header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let path = lines[0].split(' ').nth(1).unwrap().to_owned();
        let is_application = header("authorization").is_some_and(|given| given == format!("Bearer {CREDENTIAL}"));
        let body: Value = serde_json::from_slice(&body).unwrap();
        let says = says.lock().unwrap();
        let told = match path.as_str() {
            "/v1/public/login" => says.identity.clone(),
            "/v1/admin/user" if is_application => {
                let mine = says.groups.iter().filter(|(user, _)| *user == body["userId"]);
                json!({ "registered": true, "groups": mine.map(|(_, group)| group).collect::<Vec<_>>() })
            }
            "/v1/assignments" if is_application && says.is_stale => json!({ "code": "stale", "message": "" }),
            "/v1/assignments" | "/v1/admin/disable" if is_application => {
                asked.lock().unwrap().push((path, body));
                json!({ "sessions": [], "more": false })
            }
            _ => json!({ "code": "forbidden", "message": "" }),
        };
        drop(says);
        let (status, text) = (if told.get("code").is_some() { "403 Forbidden" } else { "200 OK" }, told.to_string());
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", text.len());
        reader.get_mut().write_all((head + &text).as_bytes()).unwrap();
    }
}
