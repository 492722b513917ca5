//! A key server in memory, an application that keeps shares and login secrets, and devices: what clients live in. The server may be evil: every answer can be
//! changed.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::{Future, poll_fn},
    ops::Deref,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use rand_chacha::ChaCha20Rng;
use rsa::{Oaep, RsaPrivateKey, pkcs8::DecodePrivateKey};
use serde_json::{Map, Value};
use sha2::Sha256;
use wardkey::{
    account::Receipt,
    backend::{Backend, Failure, Json, Outcome, Request},
    backup::Envelope,
    cache::{KeyStore, Now, StoreResult},
    client::{Client, Device, Host, LoginStore, Options},
    cobblestone,
    encoding::from_base64url,
    error::{Code, Error, Result},
    identity::UserId,
    key_pair::{KeyPair, Suite},
    password::{Derivation, Password, SlowKey},
    secret::{Secret, SecretBytes},
    sign::SigningKey,
    signed::{Hash, Minimum},
};
use wardkey_rules::{Body, Mail, MemoryStore, Server};

use super::{
    cache::TestStore,
    craft::backup::cheap_argon2id,
    keys::{Pair, rsa_key},
    people::{Person, app},
    rng::{Seeded, seeded},
};

pub(crate) const MINUTE: u64 = 60_000;

/// Runs to the end.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match run_for(usize::MAX, future) {
        Some(value) => value,
        None => unreachable!(),
    }
}

/// Stops at the `waits`-th wait; nothing: it was stopped.
pub(crate) fn run_for<T>(waits: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..=waits {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(value);
        }
    }
    None
}

/// Runs them beside each other, a wait each in turn.
pub(crate) fn run_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    while done.iter().any(Option::is_none) {
        for (future, slot) in futures.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                *slot = Some(value);
            }
        }
    }
    done.into_iter().flatten().collect()
}

/// One wait.
async fn pause() {
    let mut waited = false;
    poll_fn(|_| if core::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// JSON of `serde_json`.
#[derive(Clone, Debug)]
pub(crate) struct Text(pub(crate) Value);

impl Json for Text {
    fn null() -> Self {
        Self(Value::Null)
    }
    fn text(text: &str) -> Self {
        Self(text.into())
    }
    fn number(number: u64) -> Self {
        Self(number.into())
    }
    fn list(items: Vec<Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }
    fn object(members: Vec<(&'static str, Self)>) -> Self {
        Self(Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value.0)).collect::<Map<_, _>>()))
    }
    fn member(&self, name: &str) -> Option<Self> {
        self.0.get(name).cloned().map(Self)
    }
    fn items(&self) -> Option<Vec<Self>> {
        Some(self.0.as_array()?.iter().cloned().map(Self).collect())
    }
    fn is_null(&self) -> bool {
        self.0.is_null()
    }
    fn to_text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }
    fn to_number(&self) -> Option<u64> {
        self.0.as_u64()
    }
    fn to_bool(&self) -> Option<bool> {
        self.0.as_bool()
    }
}

/// A request that reached the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// `GET /v1/backup`
    pub(crate) what: String,
    pub(crate) caller: Option<String>,
    pub(crate) body: Value,
}

/// Changes an answer.
pub(crate) type Evil =
    Box<dyn FnMut(&Asked, core::result::Result<Value, Failure>) -> core::result::Result<Value, Failure>>;

/// Everything but the devices.
pub(crate) struct World {
    pub(crate) server: RefCell<Option<Server>>,
    pub(crate) store: RefCell<MemoryStore>,
    pub(crate) rng: RefCell<Seeded>,
    pub(crate) now: Cell<u64>,
    pub(crate) mails: RefCell<Vec<Mail>>,
    pub(crate) asked: RefCell<Vec<Asked>>,
    pub(crate) off_line: Cell<bool>,
    /// This request reaches nobody.
    pub(crate) lost: Cell<Option<&'static str>>,
    /// Requests that reached nobody.
    pub(crate) unanswered: RefCell<Vec<String>>,
    /// This request is answered with `{}`, and nothing is done.
    pub(crate) deaf: Cell<Option<&'static str>>,
    /// This request is refused, and more is said of it: `SAID`.
    pub(crate) refused: Cell<Option<&'static str>>,
    pub(crate) evil: RefCell<Option<Evil>>,
    /// The application: shares, used receipts, login secrets by user.
    pub(crate) shares: RefCell<BTreeMap<String, String>>,
    receipts: RefCell<BTreeSet<Vec<u8>>>,
    pub(crate) logins: RefCell<BTreeMap<String, String>>,
    /// The slow step, once for each password.
    slow: RefCell<BTreeMap<Vec<u8>, [u8; 32]>>,
    devices: Cell<u32>,
}

impl World {
    pub(crate) fn new(name: &str) -> Rc<Self> {
        let mut rng = seeded(name);
        let server = Server::generate(&mut rng, &app()).unwrap();
        Rc::new(Self {
            server: RefCell::new(Some(server)),
            store: RefCell::default(),
            rng: RefCell::new(rng),
            now: Cell::new(1_790_000_000_000),
            mails: RefCell::default(),
            asked: RefCell::default(),
            off_line: Cell::new(false),
            lost: Cell::new(None),
            unanswered: RefCell::default(),
            deaf: Cell::new(None),
            refused: Cell::new(None),
            evil: RefCell::new(None),
            shares: RefCell::default(),
            receipts: RefCell::default(),
            logins: RefCell::default(),
            slow: RefCell::default(),
            devices: Cell::new(0),
        })
    }

    /// Another world as this one is now, but for its devices.
    pub(crate) fn again(&self, name: &str) -> Rc<Self> {
        let again = Self::new(name);
        let server = self.server.borrow().as_ref().unwrap().to_secret_bytes();
        *again.server.borrow_mut() = Some(Server::from_secret_bytes(&server).unwrap());
        *again.store.borrow_mut() = MemoryStore::restore(&self.store.borrow().snapshot().unwrap()).unwrap();
        *again.slow.borrow_mut() = self.slow.borrow().clone();
        again
    }

    /// What a store answers now, and nothing else comes of it.
    pub(crate) fn ask_store(&self, store: &mut MemoryStore, asked: &Asked) -> core::result::Result<Value, Failure> {
        let caller = asked.caller.as_ref().map(|user| UserId::new(user).unwrap());
        let (method, path) = asked.what.split_once(' ').unwrap();
        let body = if asked.body.is_null() { Body::None } else { Body::Json(&asked.body) };
        let caller = caller.as_ref().map(wardkey_rules::Caller::User);
        let request =
            wardkey_rules::Request { now_ms: self.now.get(), caller, method, path, idempotency_key: None, body };
        let server = self.server.borrow();
        let result = store.request(server.as_ref().unwrap(), &mut *self.rng.borrow_mut(), &request);
        result.map(|reply| reply.json).map_err(|error| Failure::answered(error.code().as_str(), None, None))
    }

    /// What was asked since the last call of this: `POST /v1/public/login`, ….
    pub(crate) fn take_asked(&self) -> Vec<String> {
        self.asked.take().into_iter().map(|asked| asked.what).collect()
    }

    pub(crate) fn be_evil(
        &self,
        change: impl FnMut(&Asked, core::result::Result<Value, Failure>) -> core::result::Result<Value, Failure> + 'static,
    ) {
        *self.evil.borrow_mut() = Some(Box::new(change));
    }

    /// Changes the answers to this request.
    pub(crate) fn change(&self, what: &str, mut change: impl FnMut(&mut Value) + 'static) {
        let what = what.to_owned();
        self.be_evil(move |asked, answer| {
            let mut answer = answer?;
            if asked.what == what {
                change(&mut answer);
            }
            Ok(answer)
        });
    }

    pub(crate) fn be_good(&self) {
        *self.evil.borrow_mut() = None;
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    /// The key server takes new keys.
    pub(crate) fn renew_server(&self) {
        let server = self.server.take().unwrap().renew(&mut *self.rng.borrow_mut()).unwrap();
        *self.server.borrow_mut() = Some(server);
    }

    /// A request by hand.
    pub(crate) fn ask(
        &self,
        user: Option<&str>,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> core::result::Result<Value, Failure> {
        let caller = user.map(|user| UserId::new(user).unwrap());
        let request = wardkey_rules::Request {
            now_ms: self.now.get(),
            caller: caller.as_ref().map(wardkey_rules::Caller::User),
            method,
            path,
            idempotency_key: None,
            body: body.as_ref().map_or(Body::None, Body::Json),
        };
        let server = self.server.borrow();
        let result = self.store.borrow_mut().request(server.as_ref().unwrap(), &mut *self.rng.borrow_mut(), &request);
        let answer = match result {
            Ok(reply) => {
                self.mails.borrow_mut().extend(reply.mails);
                Ok(reply.json)
            }
            Err(error) => Err(Failure::answered(error.code().as_str(), error.retry_after_ms(), error.attempts_left())),
        };
        let asked =
            Asked { what: format!("{method} {path}"), caller: user.map(str::to_owned), body: body.unwrap_or_default() };
        self.asked.borrow_mut().push(asked.clone());
        let evil = self.evil.take();
        match evil {
            None => answer,
            Some(mut evil) => {
                let answer = evil(&asked, answer);
                self.evil.borrow_mut().get_or_insert(evil);
                answer
            }
        }
    }

    /// The application's check: each receipt serves once.
    fn check_receipt(&self, user: &UserId, receipt: &str) -> Outcome<()> {
        let server = self.server.borrow();
        let identity = server.as_ref().unwrap().identity();
        let receipt = from_base64url(receipt)?;
        let receipt = Receipt::verify(&receipt, identity, user, self.now.get(), Minimum::default())?;
        let is_new = self.receipts.borrow_mut().insert(receipt.value().recovery().to_vec());
        if is_new { Ok(()) } else { Err(Error::new(&(Code::OtpExpired, "this receipt was used")).into()) }
    }

    /// The last code that was mailed.
    pub(crate) fn code(&self) -> String {
        self.mails.borrow().last().unwrap().code.clone()
    }

    /// A new device.
    pub(crate) fn device(self: &Rc<Self>) -> TestDevice {
        self.devices.set(self.devices.get() + 1);
        let mut rng = seeded(&format!("device {}", self.devices.get()));
        let key = Secret::generate(&mut rng).unwrap();
        let storage = Rc::new(Storage {
            rows: RefCell::default(),
            mood: Cell::default(),
            stores: RefCell::default(),
            keeps: Cell::new(false),
            key,
            sealed: RefCell::default(),
            rsa: RefCell::default(),
            rng: RefCell::new(rng),
        });
        TestDevice(storage, RefCell::default())
    }

    /// A client on a device.
    pub(crate) fn client(self: &Rc<Self>, device: &TestDevice) -> Client<TestHost> {
        self.client_with(device, options())
    }

    pub(crate) fn client_with(self: &Rc<Self>, device: &TestDevice, options: Options) -> Client<TestHost> {
        self.devices.set(self.devices.get() + 1);
        let rng = RefCell::new(seeded(&format!("client {} of {}", self.devices.get(), self.now.get())));
        let world = Rc::clone(self);
        let (derived, unwrapped) = (Cell::new(0), Cell::new(0));
        let (world, settled, said) = (TestWorld(world), RefCell::default(), RefCell::default());
        let host = TestHost { world, device: device.clone(), rng, derived, unwrapped, settled, said };
        Client::new(host, options)
    }

    /// A registered user, on a new device.
    pub(crate) fn registered(self: &Rc<Self>, user: &str, contact: Option<&str>) -> (TestDevice, Client<TestHost>) {
        let device = self.device();
        let client = self.client(&device);
        let login = run(client.login_secret(user, PASSWORD)).unwrap();
        self.logins.borrow_mut().insert(user.to_owned(), login);
        run(client.register(user, PASSWORD, contact)).unwrap();
        (device, client)
    }

    /// A user on another device.
    pub(crate) fn unlocked(self: &Rc<Self>, user: &str, password: &str) -> Client<TestHost> {
        let client = self.client(&self.device());
        run(client.unlock(user, password, 0)).unwrap();
        client
    }

    /// A registered user with the keys that his first password opens.
    pub(crate) fn person(&self, user: &str) -> Person {
        let reply = self.ask(Some(user), "GET", "/v1/backup", None).unwrap();
        let envelope = Envelope::parse(&bytes_at(&reply, "/active")).unwrap();
        let derived = [envelope.derivation().to_bytes(), PASSWORD.as_bytes().to_vec()].concat();
        let slow = SlowKey::new(&Secret::from_slice(&self.slow.borrow()[&derived]).unwrap());
        let bundles = reply["identity"].as_array().unwrap().iter();
        let bundles = bundles.map(|bundle| from_base64url(bundle.as_str().unwrap()).unwrap()).collect();
        Person::opened(&UserId::new(user).unwrap(), bundles, envelope.open_account(&slow).unwrap().keys)
    }

    /// The key server with its own first keys, for what an honest one doesn't sign.
    pub(crate) fn key_server(&self) -> Person {
        let secrets = self.server.borrow().as_ref().unwrap().to_secret_bytes();
        let keys = secrets.expose().strip_suffix(app().as_str().as_bytes()).unwrap();
        let [seed, signing] = [64, 32].map(|end| keys[keys.len() - end..][..32].to_vec());
        let signing = SigningKey::from_seed(Secret::from_slice(&signing).unwrap());
        Person::with_pair(None, Pair::read(Suite::Hybrid, &seed), signing)
    }

    /// An assignment, as the application's own server asks for it.
    pub(crate) fn assign(&self, placeholder: &str, group: &Hash) -> core::result::Result<Value, Failure> {
        let body = serde_json::json!({ "placeholder": placeholder, "groupId": group.to_string() });
        let request = wardkey_rules::Request {
            now_ms: self.now.get(),
            caller: Some(wardkey_rules::Caller::Application),
            method: "POST",
            path: "/v1/assignments",
            idempotency_key: None,
            body: Body::Json(&body),
        };
        let server = self.server.borrow();
        let result = self.store.borrow_mut().request(server.as_ref().unwrap(), &mut *self.rng.borrow_mut(), &request);
        let code = |error: wardkey_rules::ApiError| Failure::answered(error.code().as_str(), None, None);
        result.map(|reply| reply.json).map_err(code)
    }

    /// Does this password open the account on a device that knows nothing?
    pub(crate) fn opens(self: &Rc<Self>, user: &str, password: &str) -> bool {
        let client = self.client(&self.device());
        match run(client.unlock(user, password, 0)) {
            Ok(_) => true,
            Err(failure) if failure.code() == Code::WrongPassword => false,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// The login secret that the application has is of this password.
    pub(crate) fn logs_in(self: &Rc<Self>, user: &str, password: &str) -> bool {
        let client = self.client(&self.device());
        let secret = run(client.login_secret(user, password)).unwrap();
        self.logins.borrow().get(user) == Some(&secret)
    }
}

pub(crate) const PASSWORD: &str = "correct horse battery";

pub(crate) fn options() -> Options {
    Options { kdf: cheap_argon2id(), ..Options::new(app()) }
}

/// The server, as a client sees it.
pub(crate) struct TestWorld(pub(crate) Rc<World>);

impl Backend for TestWorld {
    type Json = Text;

    async fn request(&self, request: Request<'_, Text>) -> Outcome<Text> {
        pause().await;
        let what = format!("{} {}", request.method.name(), request.path);
        if self.0.off_line.get() || self.0.lost.get() == Some(what.as_str()) {
            self.0.unanswered.borrow_mut().push(what);
            return Err(Failure::unanswered());
        }
        if self.0.refused.get() == Some(what.as_str()) {
            pause().await;
            return Err(Failure { said: Some(SAID), ..Failure::answered("forbidden", None, None) });
        }
        if self.0.deaf.get() == Some(what.as_str()) {
            return Ok(Text(Value::Object(Map::new())));
        }
        let caller = request.caller.map(UserId::as_str);
        let answer = self.0.ask(caller, request.method.name(), request.path, request.body.map(|body| body.0));
        pause().await;
        answer.map(Text)
    }

    fn has_app_share(&self) -> bool {
        true
    }

    async fn put_share(&self, user: &UserId, share: &str) -> Outcome<()> {
        pause().await;
        self.0.shares.borrow_mut().insert(user.to_string(), share.to_owned());
        pause().await;
        Ok(())
    }

    async fn take_share(&self, user: &UserId, receipt: &str) -> Outcome<String> {
        pause().await;
        let world = &self.0;
        world.check_receipt(user, receipt)?;
        let share = world.shares.borrow().get(user.as_str()).cloned();
        pause().await;
        share.ok_or(Error::new(&(Code::Server, "no share")).into())
    }
}

/// By what number the host remembers what was said of a request that was refused.
pub(crate) const SAID: u64 = 77;

/// What a device's storage does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// Nothing is kept or read.
    Blocked,
    /// What is written is there for this page, and not safely.
    Unsafe,
    /// No key of the browser's can be kept.
    Keyless,
    /// None of RSA.
    WithoutRsa,
}

/// A device, as one page has it.
pub(crate) struct TestDevice(Rc<Storage>, RefCell<BTreeMap<String, RsaPrivateKey>>);

/// Another page.
impl Clone for TestDevice {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0), RefCell::default())
    }
}

impl Deref for TestDevice {
    type Target = Storage;
    fn deref(&self) -> &Storage {
        &self.0
    }
}

/// A device's storage.
pub(crate) struct Storage {
    pub(crate) rows: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(crate) mood: Cell<Mood>,
    /// Of caches, by tag.
    pub(crate) stores: RefCell<BTreeMap<String, TestStore>>,
    /// Are caches kept here?
    pub(crate) keeps: Cell<bool>,
    key: Secret<32>,
    /// What was sealed under it last.
    pub(crate) sealed: RefCell<Vec<u8>>,
    /// RSA keys, by rows that nothing is read from.
    pub(crate) rsa: RefCell<BTreeMap<String, RsaPrivateKey>>,
    rng: RefCell<Seeded>,
}

impl Storage {
    pub(crate) fn wipe(&self) {
        self.rows.borrow_mut().clear();
        self.rsa.borrow_mut().clear();
        self.stores.borrow_mut().clear();
    }

    /// The one store that is here.
    pub(crate) fn store(&self) -> TestStore {
        self.stores.borrow().values().next().unwrap().clone()
    }

    /// Names of its rows, without the users' tags.
    pub(crate) fn names(&self) -> Vec<String> {
        self.rows.borrow().keys().map(|row| row.split('.').next().unwrap().to_owned()).collect()
    }

    /// Changes every row of this name.
    pub(crate) fn change(&self, name: &str, change: impl Fn(&mut Vec<u8>)) {
        for (row, value) in &mut *self.rows.borrow_mut() {
            if row.starts_with(name) {
                change(value);
            }
        }
    }
}

impl Device for TestDevice {
    async fn read(&self, row: &str) -> Option<Vec<u8>> {
        pause().await;
        self.rows.borrow().get(row).filter(|_| self.mood.get() != Mood::Blocked).cloned()
    }
    async fn write(&self, row: &str, value: &[u8]) -> bool {
        pause().await;
        if self.mood.get() == Mood::Blocked {
            return false;
        }
        self.rows.borrow_mut().insert(row.to_owned(), value.to_vec());
        pause().await;
        self.mood.get() != Mood::Unsafe
    }
    async fn delete(&self, row: &str) {
        pause().await;
        self.rows.borrow_mut().remove(row);
        self.rsa.borrow_mut().remove(row);
    }
    async fn names(&self, prefix: &str) -> Vec<String> {
        pause().await;
        let is_there = self.mood.get() != Mood::Blocked;
        let (rows, rsa) = (self.rows.borrow(), self.rsa.borrow());
        rows.keys().chain(rsa.keys()).filter(|row| is_there && row.starts_with(prefix)).cloned().collect()
    }
    async fn seal(&self, _: &str, context: &[u8], plain: &SecretBytes) -> Option<Vec<u8>> {
        pause().await;
        self.sealed.replace(plain.expose().to_vec());
        let sealed = cobblestone::seal(&self.key, &mut self.rng.borrow_mut(), context, plain.expose());
        sealed.ok().filter(|_| !matches!(self.mood.get(), Mood::Blocked | Mood::Keyless))
    }
    async fn open(&self, _: &str, context: &[u8], sealed: &[u8]) -> Option<SecretBytes> {
        pause().await;
        cobblestone::open(&self.key, context, sealed).ok().map(SecretBytes::new)
    }
    async fn keep_rsa(&self, row: &str, pkcs8: &SecretBytes) -> bool {
        pause().await;
        let is_kept = self.mood.get() == Mood::Good;
        if is_kept {
            let key = RsaPrivateKey::from_pkcs8_der(pkcs8.expose()).unwrap();
            self.rsa.borrow_mut().insert(row.to_owned(), key);
        }
        is_kept
    }
    async fn hold_rsa(&self, row: &str) -> bool {
        pause().await;
        let key = self.rsa.borrow().get(row).cloned();
        key.map(|key| self.1.borrow_mut().insert(row.to_owned(), key)).is_some()
    }
    async fn unwrap_rsa(&self, row: &str, label: &[u8; 32], body: &[u8]) -> Option<Result<SecretBytes>> {
        pause().await;
        let held = self.1.borrow();
        Some(open_oaep(held.get(row)?, label, body))
    }
}

fn open_oaep(key: &RsaPrivateKey, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
    let opened = key.decrypt(Oaep::<Sha256>::new_with_label(*label), body);
    opened.map(SecretBytes::new).map_err(|_| Error::new(&(Code::UnwrapFailed, "the wrapped key does not open")))
}

/// A store that takes its time.
pub(crate) struct SlowStore(TestStore);

impl KeyStore for SlowStore {
    async fn get_many(&self, ids: &[String]) -> StoreResult<Vec<Option<Vec<u8>>>> {
        pause().await;
        self.0.get_many(ids).await
    }
    async fn set_many(&self, entries: &[(String, Vec<u8>)]) -> StoreResult<()> {
        pause().await;
        let done = self.0.set_many(entries).await;
        pause().await;
        done
    }
    async fn delete_many(&self, ids: &[String]) -> StoreResult<()> {
        pause().await;
        let done = self.0.delete_many(ids).await;
        pause().await;
        done
    }
    async fn all(&self) -> StoreResult<Vec<(String, Vec<u8>)>> {
        pause().await;
        self.0.all().await
    }
    async fn clear(&self) -> StoreResult<()> {
        pause().await;
        self.0.clear().await
    }
    fn wipes(&self) -> u32 {
        self.0.wipes()
    }
    fn was_wiped(&self) -> bool {
        self.0.was_wiped()
    }
}

/// What a client stands on. Its RSA is another engine's, with the keys of `testdata/rsa`.
pub(crate) struct TestHost {
    pub(crate) world: TestWorld,
    pub(crate) device: TestDevice,
    rng: RefCell<Seeded>,
    /// How often something was derived.
    pub(crate) derived: Cell<u32>,
    /// How often its RSA was used.
    pub(crate) unwrapped: Cell<u32>,
    /// Calls that have ended.
    settled: RefCell<BTreeSet<u64>>,
    /// Messages that say more than their errors, by their numbers.
    said: RefCell<Vec<String>>,
}

impl TestHost {
    /// What a developer reads.
    pub(crate) fn message(&self, failure: Failure) -> String {
        let said = failure.said.and_then(|number| self.said.borrow().get(number as usize).cloned());
        said.unwrap_or_else(|| failure.error.message().to_owned())
    }
}

impl Host for TestHost {
    type Backend = TestWorld;
    type Device = TestDevice;
    type Store = SlowStore;
    type Rng = ChaCha20Rng;

    fn backend(&self) -> &TestWorld {
        &self.world
    }
    fn device(&self) -> &TestDevice {
        &self.device
    }
    fn random(&self) -> &RefCell<Seeded> {
        &self.rng
    }
    fn now(&self) -> Now {
        let now = self.world.0.now.get();
        Now { wall: now, monotonic: now }
    }
    fn open_store(&self, tag: &str) -> Option<SlowStore> {
        let store = || self.device.stores.borrow_mut().entry(tag.to_owned()).or_default().clone();
        self.device.keeps.get().then(|| SlowStore(store()))
    }
    async fn settled(&self, ticket: u64) {
        poll_fn(|_| if self.settled.borrow().contains(&ticket) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
    fn settle(&self, ticket: u64) {
        self.settled.borrow_mut().insert(ticket);
    }
    fn say(&self, _: Code, message: &str) -> Option<u64> {
        self.said.borrow_mut().push(message.to_owned());
        Some(self.said.borrow().len() as u64 - 1)
    }
    async fn breathe(&self) {
        pause().await;
    }
    async fn derive(&self, derivation: &Derivation, password: &Password) -> Result<SlowKey> {
        pause().await;
        self.derived.set(self.derived.get() + 1);
        let name = [derivation.to_bytes(), password.expose().to_vec()].concat();
        let known = self.world.0.slow.borrow().get(&name).copied();
        let raw = match known {
            Some(raw) => raw,
            None => *derivation.derive_raw(password)?.expose(),
        };
        self.world.0.slow.borrow_mut().insert(name, raw);
        Ok(SlowKey::new(&Secret::from_slice(&raw).unwrap()))
    }
    async fn generate(&self, suite: Suite) -> Result<KeyPair> {
        pause().await;
        if suite == Suite::Hybrid {
            KeyPair::generate(&mut self.rng.borrow_mut(), suite)
        } else {
            Ok(Pair::rsa(suite).pair)
        }
    }
    async fn unwrap_rsa(&self, pair: &KeyPair, label: &[u8; 32], body: &[u8]) -> Result<SecretBytes> {
        pause().await;
        self.unwrapped.set(self.unwrapped.get() + 1);
        open_oaep(&rsa_key(pair.public_key().suite()), label, body)
    }
}

/// The application's login secrets.
pub(crate) struct Logins(pub(crate) Rc<World>, pub(crate) &'static str);

impl LoginStore for Logins {
    async fn store(&self, secret: &str) -> Outcome<()> {
        pause().await;
        self.0.logins.borrow_mut().insert(self.1.to_owned(), secret.to_owned());
        pause().await;
        Ok(())
    }
}

/// The code of what must fail.
#[track_caller]
pub(crate) fn failed<T>(outcome: Outcome<T>) -> Code {
    match outcome {
        Ok(_) => panic!("this had to fail"),
        Err(failure) => failure.code(),
    }
}

/// Bytes of a member.
pub(crate) fn bytes_at(value: &Value, pointer: &str) -> Vec<u8> {
    from_base64url(value.pointer(pointer).and_then(Value::as_str).unwrap()).unwrap()
}

pub(crate) fn hash(text: &str) -> Hash {
    Hash::parse(text).unwrap()
}
