//! A ward: Anna manages what she makes, Bob reads it on a device that keeps a cache. And what both do with sessions and messages.

use std::rc::Rc;

use serde_json::json;
use wardkey::{
    cache::Stats,
    client::{CacheOptions, Client, OpenSession, Options, Recipient, Status},
    encoding::Context,
    error::Code,
    identity::UserId,
    message::Padding,
    session::Rights,
    signed::Hash,
};

use super::{
    cache::HOUR,
    messages::Messages as _,
    world::{PASSWORD, TestDevice, TestHost, Text, World, options, run},
};

pub(crate) const READ: Rights = Rights::READ.with(Rights::FORWARD);
pub(crate) const KEYS: &str = "POST /v1/keys";
pub(crate) const FEED: &str = "POST /v1/feed";
pub(crate) const PROBE: &str = "POST /v1/directory";
pub(crate) const NONE: [&str; 0] = [];

pub(crate) fn user(name: &str) -> Recipient {
    Recipient::User(UserId::new(name).unwrap())
}

pub(crate) fn write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Vec<u8> {
    try_write(client, open, data).unwrap()
}

pub(crate) fn try_write(client: &Client<TestHost>, open: &OpenSession, data: &[u8]) -> Result<Vec<u8>, Code> {
    let context = Context::default();
    let sealed = run(client.seal_messages(open, &[(data, &context)], true, Padding::None));
    Ok(sealed.map_err(|failure| failure.code())?.pop().unwrap())
}

pub(crate) fn read_all(client: &Client<TestHost>, messages: &[Vec<u8>]) -> Vec<Result<Vec<u8>, Code>> {
    read_in(client, &mut Vec::new(), messages)
}

pub(crate) fn read_in(
    client: &Client<TestHost>,
    known: &mut Vec<Rc<OpenSession>>,
    messages: &[Vec<u8>],
) -> Vec<Result<Vec<u8>, Code>> {
    let context = Context::default();
    let items: Vec<(&[u8], &Context)> = messages.iter().map(|message| (message.as_slice(), &context)).collect();
    match run(client.open_messages(&items, known)) {
        Ok(opened) => opened.into_iter().map(|one| Ok(one.map_err(|error| error.code())?.data)).collect(),
        Err(failure) => messages.iter().map(|_| Err(failure.code())).collect(),
    }
}

pub(crate) fn read(client: &Client<TestHost>, message: &[u8]) -> Result<Vec<u8>, Code> {
    read_all(client, &[message.to_vec()]).pop().unwrap()
}

/// By who holds its session.
pub(crate) fn read_with(client: &Client<TestHost>, held: &Rc<OpenSession>, message: &[u8]) -> Result<Vec<u8>, Code> {
    read_in(client, &mut vec![Rc::clone(held)], &[message.to_vec()]).pop().unwrap()
}

pub(crate) fn open(client: &Client<TestHost>, id: &Hash) -> Result<Rc<OpenSession>, Code> {
    let opened = run(client.open_sessions(&[*id], &[])).map_err(|failure| failure.code())?;
    opened.into_iter().next().unwrap().map_err(|error| error.code())
}

pub(crate) fn stats(client: &Client<TestHost>) -> Stats {
    run(client.cache_stats()).unwrap()
}

pub(crate) fn feed_event() -> Text {
    Text(json!({ "type": "feed" }))
}

/// Its world, and its two clients.
pub(crate) struct Ward {
    pub(crate) world: Rc<World>,
    pub(crate) anna: Client<TestHost>,
    pub(crate) device: TestDevice,
    pub(crate) bob: Client<TestHost>,
}

impl Ward {
    pub(crate) fn new(name: &str) -> Self {
        Self::with(name, cached(|_| ()))
    }

    pub(crate) fn with(name: &str, options: Options) -> Self {
        let world = World::new(name);
        let (_, anna) = world.registered("anna", None);
        let (device, first) = world.registered("bob", None);
        device.keeps.set(true);
        run(first.lock());
        let bob = world.client_with(&device, options);
        run(bob.unlock("bob", PASSWORD, 0)).unwrap();
        bob.take_events();
        world.take_asked();
        Self { world, anna, device, bob }
    }

    /// Sessions with a message each.
    pub(crate) fn sessions(&self, count: u32) -> (Vec<Rc<OpenSession>>, Vec<Vec<u8>>) {
        let grants = [(user("anna"), Rights::MANAGE), (user("bob"), READ)];
        let made = (0..count).map(|number| {
            let open = run(self.anna.create_session(&grants)).unwrap();
            let message = write(&self.anna, &open, &number.to_be_bytes());
            (open, message)
        });
        let made = made.collect();
        self.world.take_asked();
        made
    }

    /// One session that Bob has opened and freed.
    pub(crate) fn warm(&self) -> (Rc<OpenSession>, Vec<u8>) {
        let (mut open, mut messages) = self.sessions(1);
        let (open, message) = (open.pop().unwrap(), messages.pop().unwrap());
        assert_eq!(read(&self.bob, &message).unwrap(), [0; 4]);
        assert_eq!(self.world.take_asked(), [KEYS]);
        (open, message)
    }

    pub(crate) fn revoke(&self, open: &OpenSession) {
        run(self.anna.revoke_recipients(open, &[user("bob")])).unwrap();
        self.world.take_asked();
    }

    /// The next page on Bob's device.
    pub(crate) fn reload(&self) -> Client<TestHost> {
        let client = self.world.client_with(&self.device, cached(|_| ()));
        assert_eq!(run(client.look(None)).unwrap(), Status::Ready);
        client
    }
}

pub(crate) fn data(results: Vec<Result<Vec<u8>, Code>>) -> Vec<u32> {
    results.into_iter().map(|data| u32::from_be_bytes(data.unwrap().try_into().unwrap())).collect()
}

/// A page that is loaded again goes on for days.
pub(crate) fn cached(change: impl FnOnce(&mut CacheOptions)) -> Options {
    let mut options = Options { resume: 100 * HOUR, ..options() };
    change(&mut options.cache);
    options
}
