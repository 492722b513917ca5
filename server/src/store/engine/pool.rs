//! PostgreSQL: threads with a connection each, of which every one does one transaction at a time; and one that hears of other processes.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{JoinHandle, sleep},
    time::{Duration, Instant},
};

use postgres::fallible_iterator::FallibleIterator as _;
use wardkey::random;
use wardkey_rules::{ApiError, Kept, Result, StoreError, chain_journal};

use super::{
    super::{
        connection::Connection,
        postgres::{Postgres, Went},
        tables::Tables,
        tls::Address,
    },
    chain::Chain,
    job::{Job, Task, of, run},
    news::News,
    queue::Queue,
    threads,
};
use crate::clock::now_ms;

/// How often a transaction is begun again, for another's sake.
const TRIES: u32 = 30;
/// The first pause before that, in milliseconds; each is longer, up to the last.
const PAUSE: u64 = 2;
const LAST_PAUSE: u64 = 250;
/// When who was refused too often may ask again, in milliseconds.
const AGAIN_MS: u64 = 1_000;
/// How long a request waits for a database that is gone.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often one looks for what other processes wrote, at least.
const LOOK: Duration = Duration::from_secs(1);

/// What waits for a connection.
pub(crate) struct Waiting {
    pub(crate) job: Box<dyn Job>,
    pub(crate) only_reads: bool,
    since: Instant,
}

impl Waiting {
    pub(crate) fn new(job: Box<dyn Job>, only_reads: bool) -> Self {
        Self { job, only_reads, since: Instant::now() }
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Waiting(..)")
    }
}

/// A database's threads.
pub(crate) struct Pool {
    pub(crate) jobs: Arc<Queue<Waiting>>,
    pub(crate) is_over: Arc<AtomicBool>,
    /// Ended when all others have.
    pub(crate) chain: Arc<Chain>,
    pub(crate) chaining: Option<JoinHandle<()>>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn begin(address: &Address, connections: usize, most: usize, news: &Arc<News>) -> Kept<Self> {
        let (jobs, is_over) = (Arc::new(Queue::new(most)), Arc::new(AtomicBool::new(false)));
        let chain = Arc::new(Chain::default());
        let mut workers: Vec<Box<dyn FnOnce() + Send>> = Vec::new();
        for _ in 0..connections.max(1) {
            let (address, jobs, chain) = (address.clone(), Arc::clone(&jobs), Arc::clone(&chain));
            workers.push(Box::new(move || work(&address, &jobs, &chain)));
        }
        let threads_of_work = threads(workers)?;
        let (address_too, chain_too) = (address.clone(), Arc::clone(&chain));
        let chaining = threads(vec![Box::new(move || put_together(&address_too, &chain_too))])?.pop();
        let (address, is_over_too, news) = (address.clone(), Arc::clone(&is_over), Arc::clone(news));
        // It ends within a second, and holds nothing: nobody waits for it.
        threads(vec![Box::new(move || listen(&address, &is_over_too, &news))])?;
        Ok(Self { jobs, is_over, chain, chaining, threads: threads_of_work })
    }
}

/// Longer and longer, and never the same for two.
fn pause(tries: u32) {
    let longest = (PAUSE << tries.min(7)).min(LAST_PAUSE);
    let mut drawn = [0; 8];
    // Without randomness, all wait as long.
    let part = if random::system().fill(&mut drawn).is_ok() { u64::from_le_bytes(drawn) % longest } else { longest };
    sleep(Duration::from_millis(1 + part));
}

fn work(address: &Address, jobs: &Queue<Waiting>, chain: &Chain) {
    let mut connection = None;
    while let Some(mut waiting) = jobs.next() {
        let end = finish(address, &mut connection, &mut waiting);
        if !waiting.only_reads
            && let Some((server, now_ms)) = waiting.job.told()
        {
            chain.wake(server, now_ms);
        }
        waiting.job.answer(end);
    }
}

/// Runs it until it has ended.
fn finish(address: &Address, connection: &mut Option<Postgres>, waiting: &mut Waiting) -> Result<()> {
    let mut tries = 0;
    loop {
        let went = match connection {
            Some(open) => {
                let job = waiting.job.as_mut();
                open.transaction(waiting.only_reads, |store| run(job, store))
            }
            None => match Postgres::connect(address) {
                Ok(open) => {
                    *connection = Some(open);
                    continue;
                }
                Err(error) => Went::Lost(error),
            },
        };
        if connection.as_ref().is_some_and(Postgres::is_lost) {
            *connection = None;
        }
        tries += 1;
        match went {
            Went::Ended(end) => return end.map_err(Into::into),
            Went::Refused(_) if tries >= TRIES => {
                return Err(ApiError::throttled("the database had no room for it among all others", AGAIN_MS));
            }
            Went::Lost(error) if waiting.since.elapsed() >= PATIENCE => return Err(error.into()),
            Went::Refused(_) | Went::Lost(_) => {}
        }
        if matches!(went, Went::Lost(_)) {
            *connection = None;
        }
        pause(tries);
    }
}

/// Puts rows into the journal's log. One of another process may do it at the same time: then one of both is refused, and finds less to do.
fn put_together(address: &Address, chain: &Chain) {
    let mut connection = None;
    while let Some((server, now_ms)) = chain.next() {
        let work = move |store: &mut dyn Connection| {
            chain_journal(&mut Tables(store), &server, now_ms).map(drop).map_err(|error| of(&error))
        };
        // What can't be done now is done the next time.
        let mut waiting = Waiting::new(Box::new(Task::new(false, work, drop)), false);
        drop(finish(address, &mut connection, &mut waiting));
    }
}

/// Hears what other processes wrote, until it is over.
fn listen(address: &Address, is_over: &AtomicBool, news: &News) {
    let mut last = None;
    while !is_over.load(Ordering::Relaxed) {
        if Postgres::connect(address).and_then(|mut store| hear(&mut store, is_over, news, &mut last)).is_err() {
            sleep(LOOK);
        }
    }
}

fn hear(store: &mut Postgres, is_over: &AtomicBool, news: &News, last: &mut Option<u64>) -> Kept<()> {
    // Not every database knows it.
    let can_listen = store.client().batch_execute("LISTEN wardkey").is_ok();
    if can_listen {
        news.can_notify();
    }
    while !is_over.load(Ordering::Relaxed) {
        let now = now_ms();
        news.read(store, *last, now)?;
        *last = Some(now);
        if can_listen {
            let lost = |_| StoreError("PostgreSQL: the connection that listens is lost".to_owned());
            let mut notifications = store.client().notifications();
            let is_more = notifications.timeout_iter(LOOK).next().map_err(lost)?.is_some();
            // What came with it is read at once.
            while is_more && notifications.iter().next().map_err(lost)?.is_some() {}
        } else {
            sleep(LOOK);
        }
    }
    Ok(())
}
