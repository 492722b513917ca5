//! What is done in one transaction.

use core::fmt;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use tokio::sync::oneshot;
use wardkey::{identity::UserId, random};
use wardkey_rules::{
    ApiError, Body, Caller, Deferred, Kept, Reply, Request, Result, Server, StoreError, handle, is_reading, read_apart,
    settle,
};

use super::{
    super::{connection::Connection, tables::Tables},
    changes::Changes,
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
    /// As it came; empty: none. It is dropped when the request is done, before the answer goes out: whose bytes it is may count on that.
    pub body: Bytes,
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

    /// Does what is kept of it change what others read? A journal's row doesn't, nor does what nobody knows of yet.
    fn disturbs(&self) -> bool;

    /// Whose journal it may have written to, and when.
    fn told(&self) -> Option<(&Arc<Server>, u64)>;

    /// After the commit of what was to be kept, or the roll-back of what wasn't; or with why not in the place of these.
    fn answer(self: Box<Self>, end: Result<()>);
}

/// Runs a job, and survives it.
pub(crate) fn run(job: &mut dyn Job, store: &mut dyn Connection) -> Kept<bool> {
    survive(|| Ok(job.run(store)))
}

/// A panic is an error of what was done, and the thread goes on.
pub(crate) fn survive<T>(work: impl FnOnce() -> Kept<T>) -> Kept<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(StoreError("a request panicked".to_owned())))
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

    /// What is the same whether it was asked before or after another request's read: a new session, a user's own state.
    fn disturbs(&self) -> bool {
        let Asked { method, path, .. } = &self.asked;
        !is_reading(method, path)
            && !matches!((method.as_str(), path.as_str()), ("POST", "/v1/sessions") | ("PUT", "/v1/backup"))
    }

    pub(crate) fn answer(self, result: Result<Reply>) {
        let Self { asked, news, reply, .. } = self;
        if let Ok(reply) = &result {
            news.tell(&reply.events);
        }
        drop(asked);
        // Who asked may have gone.
        reply.send(result).ok();
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

    fn disturbs(&self) -> bool {
        self.question.disturbs()
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
    /// How often the state was changed before.
    changes: u64,
}

/// A request that reads, apart from those that write.
pub(crate) struct ReadJob {
    question: Question,
    changes: Arc<Changes>,
    /// Where what is left to write waits.
    writes: Arc<Queue<Box<dyn Job>>>,
    read: Option<Result<Read>>,
}

impl ReadJob {
    pub(crate) const fn new(question: Question, changes: Arc<Changes>, writes: Arc<Queue<Box<dyn Job>>>) -> Self {
        Self { question, changes, writes, read: None }
    }
}

impl Job for ReadJob {
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        // Before the first word to the store: what it reads then is at least as new.
        let changes = self.changes.kept();
        let Question { server, asked, now_ms, .. } = &self.question;
        let read = read_apart(server, &mut Tables(store), &mut random::system(), &asked.request(*now_ms));
        self.read = Some(read.map(|(reply, deferred)| Read { reply, deferred, changes }));
        false
    }

    fn disturbs(&self) -> bool {
        false
    }

    fn told(&self) -> Option<(&Arc<Server>, u64)> {
        None
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let Self { question, changes, writes, read } = *self;
        let read = match (end, read) {
            (Ok(()), Some(Ok(read))) => read,
            (end, read) => return question.answer(ended(end, read.map(|read| read.map(|read| read.reply)))),
        };
        if read.deferred.is_empty() {
            return question.answer(Ok(read.reply));
        }
        let settle = SettleJob { question, changes, read: Some(Box::new(read)), result: None };
        if let Err((job, refused)) = writes.push(Box::new(settle)) {
            job.answer(Err(refused.into()));
        }
    }
}

/// Writes what is left of a request that was read; where something was changed since, it is asked anew.
struct SettleJob {
    question: Question,
    changes: Arc<Changes>,
    /// Until it was run: SQLite runs it once.
    read: Option<Box<Read>>,
    result: Option<Result<Reply>>,
}

impl Job for SettleJob {
    fn run(&mut self, store: &mut dyn Connection) -> bool {
        let question = &self.question;
        let read = self.read.take().filter(|read| self.changes.are(read.changes));
        let mut result = match read.map(|read| *read) {
            Some(Read { reply, deferred, .. }) => {
                let settled = settle(&mut Tables(store), &question.server, question.now_ms, deferred);
                settled.map(|more| Reply { events: [reply.events.as_slice(), &more].concat(), ..reply })
            }
            None => question.handle(store),
        };
        let keeps = keep(question, store, &mut result);
        self.result = Some(result);
        keeps
    }

    fn disturbs(&self) -> bool {
        false
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
    only_reads: bool,
    work: W,
    answer: A,
    done: Option<Kept<T>>,
}

impl<T, W, A> Task<T, W, A> {
    pub(crate) const fn new(only_reads: bool, work: W, answer: A) -> Self {
        Self { only_reads, work, answer, done: None }
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

    fn disturbs(&self) -> bool {
        !self.only_reads
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
