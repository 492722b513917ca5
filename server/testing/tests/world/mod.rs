//! Clients whose whole world is one `KeyServer`.

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use serde_json::{Map, Value};
use wardkey::{
    backend::{Backend, Failure, Json, Outcome, Request},
    cache::{NoStore, Now},
    client::{Client, Host, MemoryDevice, Options},
    identity::{AppId, UserId},
    password::Kdf,
    random::Random,
};
use wardkey_rules::{ApiError, Event, Mail};
use wardkey_testing::KeyServer;

pub(crate) type Seeded = Random<ChaCha20Rng>;

pub(crate) const NOW: u64 = 1_790_000_000_000;
pub(crate) const PASSWORD: &str = "three blue herons at dawn";

pub(crate) fn seeded(seed: u8) -> Seeded {
    Random::new(ChaCha20Rng::from_seed([seed; 32]))
}

/// Nothing here ever waits.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!(),
    }
}

/// A request that the server was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Option<String>,
}

pub(crate) struct World {
    pub(crate) server: RefCell<KeyServer<ChaCha20Rng>>,
    pub(crate) now: Cell<u64>,
    pub(crate) mails: RefCell<Vec<Mail>>,
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) asked: RefCell<Vec<Asked>>,
    clients: Cell<u8>,
}

impl World {
    pub(crate) fn new() -> Rc<Self> {
        Self::with(KeyServer::new(seeded(1)))
    }

    pub(crate) fn with(server: KeyServer<ChaCha20Rng>) -> Rc<Self> {
        Rc::new(Self {
            server: RefCell::new(server),
            now: Cell::new(NOW),
            mails: RefCell::default(),
            events: RefCell::default(),
            asked: RefCell::default(),
            clients: Cell::new(10),
        })
    }

    /// The same again, as after a reload.
    pub(crate) fn reloaded(&self) -> Rc<Self> {
        let state = self.server.borrow().state().unwrap();
        let again = Self::with(KeyServer::restore(seeded(2), &state).unwrap());
        again.now.set(self.now.get());
        // Its clients draw other bytes.
        again.clients.set(self.clients.get() + 50);
        again
    }

    pub(crate) fn client(self: &Rc<Self>, app_id: &str) -> Client<Page> {
        self.clients.set(self.clients.get() + 1);
        let rng = RefCell::new(seeded(self.clients.get()));
        let page = Page { backend: InMemory(Rc::clone(self)), device: MemoryDevice::default(), rng };
        let kdf = Kdf::argon2id(19_456, 2).unwrap();
        Client::new(page, Options { kdf, ..Options::new(AppId::new(app_id).unwrap()) })
    }

    pub(crate) fn registered(self: &Rc<Self>, user: &str, contact: Option<&str>) -> Client<Page> {
        let client = self.client("app.example");
        run(client.register(user, PASSWORD, contact)).unwrap();
        client
    }

    /// The last code that was delivered.
    pub(crate) fn code(&self) -> String {
        self.mails.borrow().last().unwrap().code.clone()
    }

    /// The last request of this kind; of a path that ends with a slash, one below it.
    pub(crate) fn last(&self, method: &str, path: &str) -> Asked {
        let is_meant = |asked: &Asked| asked.path == path || path.ends_with('/') && asked.path.starts_with(path);
        let asked = self.asked.borrow();
        asked.iter().rev().find(|asked| asked.method == method && is_meant(asked)).unwrap().clone()
    }
}

/// JSON of `serde_json`.
#[derive(Clone, Debug)]
pub(crate) struct Text(Value);

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

pub(crate) struct InMemory(Rc<World>);

fn failure(error: ApiError) -> Failure {
    Failure::answered(error.code().as_str(), error.retry_after_ms(), error.attempts_left())
}

impl Backend for InMemory {
    type Json = Text;

    async fn request(&self, request: Request<'_, Text>) -> Outcome<Text> {
        let world = &self.0;
        let (method, path) = (request.method.name(), request.path);
        let body = request.body.map(|body| body.0.to_string());
        let asked = Asked { method, path: path.to_owned(), body: body.clone() };
        world.asked.borrow_mut().push(asked);
        let mut server = world.server.borrow_mut();
        let reply = server.request(world.now.get(), request.caller, (method, path), body.as_deref());
        let reply = reply.map_err(failure)?;
        world.mails.borrow_mut().extend(reply.mails);
        world.events.borrow_mut().extend(reply.events);
        Ok(Text(reply.json))
    }

    fn has_app_share(&self) -> bool {
        true
    }
    async fn put_share(&self, user: &UserId, share: &str) -> Outcome<()> {
        self.0.server.borrow_mut().put_share(user, share).map_err(failure)
    }
    async fn take_share(&self, user: &UserId, receipt: &str) -> Outcome<String> {
        self.0.server.borrow_mut().take_share(self.0.now.get(), user, receipt).map_err(failure)
    }
}

/// A page without storage.
pub(crate) struct Page {
    backend: InMemory,
    device: MemoryDevice,
    rng: RefCell<Seeded>,
}

impl Host for Page {
    type Backend = InMemory;
    type Device = MemoryDevice;
    type Store = NoStore;
    type Rng = ChaCha20Rng;

    fn backend(&self) -> &InMemory {
        &self.backend
    }
    fn device(&self) -> &MemoryDevice {
        &self.device
    }
    fn random(&self) -> &RefCell<Seeded> {
        &self.rng
    }
    fn now(&self) -> Now {
        let now = self.backend.0.now.get();
        Now { wall: now, monotonic: now }
    }
    fn open_store(&self, _: &str) -> Option<NoStore> {
        None
    }
    async fn settled(&self, _: u64) {
        unreachable!("calls come one after the other")
    }
    fn settle(&self, _: u64) {}
}
