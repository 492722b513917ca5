//! What is done in one transaction.

use core::fmt;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use tokio::sync::oneshot;
use wardkey::{identity::UserId, random};
use wardkey_rules::{
    ApiError, Body, Caller, Deferred, Kept, Reply, Request, Result, Server, StoreError, handle, is_reading, read_apart,
    settle,
};

use super::{
    super::{connection::Connection, tables::Tables},
    changes::{Changes, Leaves, Seen},
    news::News,
    queue::Queue,
};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// A user.
    User(UserId),
    /// The application's own server.
    Application,
}

/// A request, as the HTTP server took it in. `Debug` shows no body: it may be a code.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks; none without a valid token.
    pub caller: Option<AskedBy>,
    /// `GET`, `POST`, `PUT`.
    pub method: String,
    /// From `/v1` on, without a query.
    pub path: String,
    /// The header `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// As it came; empty: none.
    pub body: Vec<u8>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({} {})", self.method, self.path)
    }
}

impl Asked {
    pub(crate) fn request(&self, now_ms: u64) -> Request<'_> {
        let caller = self.caller.as_ref().map(|caller| match caller {
            AskedBy::User(id) => Caller::User(id),
            AskedBy::Application => Caller::Application,
        });
        let idempotency_key = self.idempotency_key.as_deref();
        let (method, path, body) = (self.method.as_str(), self.path.as_str(), Body::Bytes(&self.body));
        Request { now_ms, caller, method, path, idempotency_key, body }
    }
}

/// One transaction. It may be run again, from the begin, until it is answered.
pub(crate) trait Job: Send {
    /// Runs; true: what it wrote is to be kept.
    fn run(&mut self, store: &mut dyn Connection) -> bool;

    /// What is kept of it, for those who read apart.
    fn leaves(&self) -> Leaves;

    /// Before it runs apart from the one that writes: what it will see.
    fn sees(&mut self, _: Seen) {}

    /// Whose journal it may have written to, and when.
    fn told(&self) -> Option<(&Arc<Server>, u64)>;

    /// After the commit of what was to be kept, or the roll-back of what wasn't; or with why not in the place of these.
    fn answer(self: Box<Self>, end: Result<()>);
}

/// Runs a job, and survives it.
pub(crate) fn run(job: &mut dyn Job, store: &mut dyn Connection) -> core::result::Result<bool, StoreError> {
    catch_unwind(AssertUnwindSafe(|| job.run(store))).map_err(|_| StoreError("a request panicked".to_owned()))
}

/// What the store's log says of an error of the rules.
pub(crate) fn of(error: &ApiError) -> StoreError {
    StoreError(error.cause().map_or_else(|| error.to_string(), ToOwned::to_owned))
}

/// What was asked, by whom, and who waits for the answer.
pub(crate) struct Question {
    pub(crate) server: Arc<Server>,
    pub(crate) asked: Asked,
    pub(crate) now_ms: u64,
    pub(crate) news: Arc<News>,
    pub(crate) reply: oneshot::Sender<Result<Reply>>,
}

impl Question {
    /// The whole of it.
    fn handle(&self, store: &mut dyn Connection) -> Result<Reply> {
        handle(&self.server, &mut Tables(store), &mut random::system(), &self.asked.request(self.now_ms))
    }

    fn leaves(&self) -> Leaves {
        let Asked { method, path, .. } = &self.asked;
        match (method.as_str(), path.as_str()) {
            ("POST", "/v1/sessions") | ("PUT", "/v1/backup") => Leaves::New,
            (method, path) if is_reading(method, path) => Leaves::New,
            _ => Leaves::Other,
        }
    }

    pub(crate) fn answer(self, result: Result<Reply>) {
        if let Ok(reply) = &result {
            self.news.tell(&reply.events);
        }
        // Who asked may have gone.
        self.reply.send(result).ok();
    }
}

fn ended(end: Result<()>, result: Option<Result<Reply>>) -> Result<Reply> {
    end?;
    result.unwrap_or_else(|| Err(StoreError("a request that wasn't run".to_owned()).into()))
}

/// A request of the API, in one.
pub(crate) struct RequestJob {
    question: Question,
    result: Option<Result<Reply>>,
}

impl RequestJob {
    pub(crate) const fn new(question: Question) -> Self {
        Self { question, result: None }
    }
}

/// Keeps what was written, and lets other processes know.
fn keep(question: &Question, store: &mut dyn Connection, result: &mut Result<Reply>) -> bool {
    if let Ok(reply) = result
        && let Err(error) = question.news.write(store, &reply.events, question.now_ms)
    {
        *result = Err(error.into());
    }
    result.as_ref().err().is_none_or(ApiError::keeps)
}

impl Job for RequestJob {
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        let mut result = self.question.handle(store);
        let keeps = keep(&self.question, store, &mut result);
        self.result = Some(result);
        keeps
    }

    fn leaves(&self) -> Leaves {
        self.question.leaves()
    }

    fn told(&self) -> Option<(&Arc<Server>, u64)> {
        Some((&self.question.server, self.question.now_ms))
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let result = ended(end, self.result);
        self.question.answer(result);
    }
}

/// What was read of one state: what is left to write.
struct Read {
    reply: Reply,
    deferred: Deferred,
    seen: Seen,
}

/// A request that reads, apart from those that write.
pub(crate) struct ReadJob {
    question: Question,
    changes: Arc<Changes>,
    /// Where what is left to write waits.
    writes: Arc<Queue<Box<dyn Job>>>,
    seen: Seen,
    read: Option<Result<Read>>,
}

impl ReadJob {
    pub(crate) fn new(question: Question, changes: Arc<Changes>, writes: Arc<Queue<Box<dyn Job>>>) -> Self {
        Self { question, changes, writes, seen: Seen::default(), read: None }
    }
}

impl Job for ReadJob {
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        let seen = self.seen;
        let Question { server, asked, now_ms, .. } = &self.question;
        let read = read_apart(server, &mut Tables(store), &mut random::system(), &asked.request(*now_ms));
        self.read = Some(read.map(|(reply, deferred)| Read { reply, deferred, seen }));
        false
    }

    fn leaves(&self) -> Leaves {
        Leaves::Journal
    }

    fn sees(&mut self, seen: Seen) {
        self.seen = seen;
    }

    fn told(&self) -> Option<(&Arc<Server>, u64)> {
        None
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let Self { question, changes, writes, read, .. } = *self;
        let read = match (end, read) {
            (Ok(()), Some(Ok(read))) => read,
            (end, read) => return question.answer(ended(end, read.map(|read| read.map(|read| read.reply)))),
        };
        if read.deferred.is_empty() {
            return question.answer(Ok(read.reply));
        }
        let leaves = if read.deferred.is_of_journal() { Leaves::Journal } else { Leaves::New };
        let settle = SettleJob { question, changes, leaves, read: Some(Box::new(read)), result: None };
        if let Err((job, refused)) = writes.push(Box::new(settle)) {
            job.answer(Err(refused.into()));
        }
    }
}

/// Writes what is left of a request that was read; where something was changed since, it is asked anew.
struct SettleJob {
    question: Question,
    changes: Arc<Changes>,
    leaves: Leaves,
    /// Until it was run: SQLite runs it once.
    read: Option<Box<Read>>,
    result: Option<Result<Reply>>,
}

impl Job for SettleJob {
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        let question = &self.question;
        let read = self.read.take().filter(|read| self.changes.are(read.seen));
        let mut result = match read.map(|read| *read) {
            Some(Read { reply, deferred, .. }) => {
                let settled = settle(&mut Tables(store), &question.server, question.now_ms, deferred);
                settled.map(|more| Reply { events: [reply.events.as_slice(), &more].concat(), ..reply })
            }
            None => {
                self.leaves = Leaves::New;
                question.handle(store)
            }
        };
        let keeps = keep(question, store, &mut result);
        self.result = Some(result);
        keeps
    }

    fn leaves(&self) -> Leaves {
        self.leaves
    }

    fn told(&self) -> Option<(&Arc<Server>, u64)> {
        Some((&self.question.server, self.question.now_ms))
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let result = ended(end, self.result);
        self.question.answer(result);
    }
}

/// Anything else.
pub(crate) struct Task<T, W, A> {
    work: W,
    answer: A,
    done: Option<Kept<T>>,
}

impl<T, W, A> Task<T, W, A> {
    pub(crate) const fn new(work: W, answer: A) -> Self {
        Self { work, answer, done: None }
    }
}

impl<T, W, A> Job for Task<T, W, A>
where
    T: Send,
    W: FnMut(&mut dyn Connection) -> Kept<T> + Send,
    A: FnOnce(Kept<T>) + Send,
{
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        let done = (self.work)(store);
        let keeps = done.is_ok();
        self.done = Some(done);
        keeps
    }

    fn leaves(&self) -> Leaves {
        Leaves::Other
    }

    fn told(&self) -> Option<(&Arc<Server>, u64)> {
        None
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let Self { answer, done, .. } = *self;
        let done = done.unwrap_or_else(|| Err(StoreError("what wasn't run".to_owned())));
        answer(end.map_err(|error| of(&error)).and(done));
    }
}
